"""Databases with the tables of a service."""

from pathlib import Path

import pytest
from service_kit.database import Database, open_database, upgrade
from sqlalchemy import text
from testkit.database import postgresql_url

ENV = """
from sqlalchemy import MetaData
from service_kit.database import run_migrations
run_migrations(MetaData())
"""
FIRST = """
revision, down_revision = "1", None
import sqlalchemy as sa
from alembic import op
def upgrade():
    op.create_table("things", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
    op.create_table("parts", sa.Column("thing", sa.Integer, sa.ForeignKey("things.id"), nullable=False))
    op.execute("INSERT INTO things (id, n) VALUES (1, 0)")
"""


def write_package(folder: Path, name: str) -> Path:
    migrations = folder / name / "storage" / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (migrations / "env.py").write_text(ENV)
    (migrations / "versions" / "1_first.py").write_text(FIRST)
    return migrations


@pytest.fixture
def migrations(tmp_path) -> Path:
    return write_package(tmp_path / "100% packages", "some_service")


@pytest.fixture
def empty_postgresql():
    with postgresql_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    if request.param == "sqlite":
        engine = open_database(f"sqlite:///{tmp_path}/test.db")
    else:
        engine = open_database(request.getfixturevalue("empty_postgresql"))
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine, migrations) -> Database:
    upgrade(engine, migrations)
    return Database(engine)


@pytest.fixture
def package(tmp_path, monkeypatch) -> str:
    write_package(tmp_path / "importable", "a_service")
    monkeypatch.syspath_prepend(str(tmp_path / "importable"))
    return "a_service"


@pytest.fixture
def value():
    """Return a function that reads the number of the first thing in a database."""
    return read_value


def read_value(database: Database) -> int:
    with database.read() as session:
        return session.execute(text("SELECT n FROM things WHERE id = 1")).scalar_one()
