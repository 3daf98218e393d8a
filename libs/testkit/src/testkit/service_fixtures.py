"""Fixtures for the tests of a service with a database: its conftest imports them all, and adds these.

`migrations` (session): the folder of its migrations. `create`: `create(**options)` returns a new app over the
database `sqlite_file`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from service_kit.database import Database
from sqlalchemy import Engine

from testkit.clock import FakeClock
from testkit.database import database_at, migrate, postgresql_url


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock at 2027-01-15T08:00:00Z."""
    return FakeClock(1_800_000_000)


@pytest.fixture(scope="session")
def sqlite_migrated(tmp_path_factory: pytest.TempPathFactory, migrations: Path) -> Path:
    """Return a SQLite file with the tables and no rows, made once for all tests; copy it."""
    file = tmp_path_factory.mktemp("migrated") / "service.db"
    migrate(f"sqlite:///{file}", migrations)
    return file


@pytest.fixture
def sqlite_file(sqlite_migrated: Path, tmp_path: Path) -> Path:
    """Return the SQLite file of this test."""
    return Path(shutil.copy(sqlite_migrated, tmp_path / "service.db"))


@pytest.fixture
def sqlite(sqlite_file: Path) -> Iterator[Database]:
    """Yield the database `sqlite_file`."""
    with database_at(f"sqlite:///{sqlite_file}") as database:
        yield database


@pytest.fixture(scope="session")
def postgresql_migrated(migrations: Path) -> Iterator[str]:
    """Yield the URL of a PostgreSQL database with the tables and no rows, made once for all tests; copy it."""
    with postgresql_url() as url:
        migrate(url, migrations)
        yield url


@pytest.fixture
def postgresql(postgresql_migrated: str) -> Iterator[Database]:
    """Yield the PostgreSQL database of this test."""
    with postgresql_url(postgresql_migrated) as url, database_at(url) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Return each kind of database in turn."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make_app(create: Callable[..., Flask]) -> Iterator[Callable[..., Flask]]:
    """Yield `create`; its apps close their databases after the test."""
    apps: list[Flask] = []

    def make(**options: Any) -> Flask:
        apps.append(create(**options))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["engine"].dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Return the app without options."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of `app`."""
    return app.test_client()


@pytest.fixture
def break_database(sqlite_file: Path) -> Callable[[Engine], None]:
    """Return what replaces the file `sqlite_file`, behind this engine, with one that is no database."""

    def replace(engine: Engine) -> None:
        engine.dispose()
        for left in sqlite_file.parent.glob(f"{sqlite_file.name}-*"):
            left.unlink()
        sqlite_file.write_bytes(b"no database at all" * 100)

    return replace
