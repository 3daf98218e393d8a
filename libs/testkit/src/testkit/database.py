"""Databases that belong to one test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from service_kit.database import Database, open_database, upgrade

NO_POSTGRES = (
    "needs PostgreSQL: apt-get install postgresql, then tools/with-postgres make test"
    " (or TEST_POSTGRES_URL=postgresql://user:password@host/db, a role that may create databases)"
)


def migrate(url: str, migrations: Path) -> None:
    """Upgrade the database at `url` to the newest migration, and close its connections."""
    engine = open_database(url)
    upgrade(engine, migrations)
    engine.dispose()


@contextmanager
def database_at(url: str) -> Iterator[Database]:
    """Yield the database at `url`, and close its connections afterwards.

    Threads wait up to 120 s for a connection, where a service gives up after three: test machines are busy.
    """
    database = Database(open_database(url, pool_timeout=120))
    yield database
    database.engine.dispose()


@contextmanager
def postgresql_url(template: str | None = None) -> Iterator[str]:
    """Yield the URL of a new database on the server of TEST_POSTGRES_URL, dropped afterwards; skip without one.

    The database is empty, or a copy of the one at the URL `template`, which must have no connections.
    """
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.skip(NO_POSTGRES)
    url = url.replace("postgresql+psycopg://", "postgresql://")
    name = f"test_{uuid.uuid4().hex}"
    copied = "template1" if template is None else urlsplit(template).path.removeprefix("/")
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(copied))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(create)
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
