"""Databases of auth-service with a million sessions, inserted in bulk."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
from auth_service.adapters.registry_files import packaged_rows
from auth_service.storage import MIGRATIONS
from auth_service.storage.tables import Base
from auth_service.storage.unit_of_work import SqlStore
from service_kit.database import open_database, upgrade
from sqlalchemy import Connection, Engine, text

LIST_SIZE = 2**20
PEOPLE = 10_000
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})",
    "postgresql": "WITH n AS (SELECT generate_series(0, {last})::bigint AS i)",
}
# Every index once, in an order that zlib cannot compress: x -> x * (2x + 1) mod 2^20 is a permutation.
_MIXED = """, once AS (SELECT i, (i * 662607) % {size} AS x FROM n), twice AS (SELECT i, (x * (2 * x + 1)) % {size} AS x FROM once),
swapped AS (SELECT i, x / 1024 + (x % 1024) * 1024 AS x FROM twice),
mixed AS (SELECT i, (x * (2 * x + 1)) % {size} AS bit FROM swapped) """
_NAME = {"sqlite": "printf('%06x', i * 16)", "postgresql": "lpad(to_hex(i * 16), 6, '0')"}
_ACCOUNTS = """{numbers} INSERT INTO accounts (sub, email, name, roles, password_hash, created_at)
SELECT 'person-' || i, 'person' || i || '@example.com', 'A Person', 'customer', 'none', 0 FROM n"""
_SESSIONS = """{numbers}{mixed}INSERT INTO sessions (sid, sub, client_id, scopes, audiences, methods, auth_time, expires_at,
created_at, last_used_at, address, user_agent, tokens_until, status_list, status_index)
SELECT {name} || '-in-bulk', 'person-' || (i % {people}), 'console', 'orders:read orders:write profile:read',
'auth-service orders-service users-service', 'pwd', {now} + i * 0.001, {now} + 2592000, {now}, {now}, '192.0.2.7',
'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', {now} + 1209600,
1, bit FROM mixed"""
_REVOCATIONS = """{numbers}{mixed}INSERT INTO revocations (status_list, status_index, revoked, change, until)
SELECT 1, bit, TRUE, 1, {until} FROM mixed WHERE i >= {first}"""


@contextlib.contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the URL of an empty database of each available kind, by its name."""
    with tempfile.TemporaryDirectory(prefix="statuses-") as folder:
        urls = {"SQLite": f"sqlite:///{folder}/auth.db"}
        server = os.environ.get("TEST_POSTGRES_URL", "").replace("postgresql+psycopg://", "postgresql://")
        if not server:
            yield urls
            return
        name = f"bench_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            try:
                yield urls | {"PostgreSQL": urlsplit(server)._replace(path=f"/{name}").geturl()}
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def migrated(url: str) -> Engine:
    """Return the engine of a database, with the tables created."""
    engine = open_database(url)
    upgrade(engine, MIGRATIONS)
    return engine


def people(engine: Engine) -> None:
    """Insert ten thousand numbered accounts and open the first list."""
    with SqlStore(engine, registry=packaged_rows().registry).transaction() as tx:
        tx.statuses.add_first_list()
    with _without_timeout(engine) as connection:
        connection.execute(text(_filled(_ACCOUNTS, engine, PEOPLE)))


def fill(engine: Engine, count: int) -> None:
    """Replace the sessions by `count` active ones of these accounts, in the first list."""
    sessions, now = Base.metadata.tables["sessions"], time.time()
    with _without_timeout(engine) as connection:
        for index in sessions.indexes:  # created again afterwards, which is faster
            index.drop(connection)
        for table in ("refresh_tokens", "sessions"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text(_filled(_SESSIONS, engine, count, people=PEOPLE, now=now)))
        for index in sessions.indexes:
            index.create(connection)
    _clean_up(engine)


def revoke_in_bulk(engine: Engine, first: int, last: int) -> None:
    """Set the bits of these sessions only."""
    facts = {"first": first, "until": time.time() + 3600}
    with _without_timeout(engine) as connection:
        connection.execute(text(_filled(_REVOCATIONS, engine, last, **facts)))
    _clean_up(engine)


def _filled(statement: str, engine: Engine, count: int, **facts: float) -> str:
    kind = engine.dialect.name
    numbers, mixed = _NUMBERS[kind].format(last=count - 1), _MIXED.format(size=LIST_SIZE)
    return statement.format(numbers=numbers, mixed=mixed, name=_NAME[kind], **facts)


@contextlib.contextmanager
def _without_timeout(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield connection


def _clean_up(engine: Engine) -> None:
    """Let the database clean up after the bulk work, as it would do in normal operation."""
    raw = engine.raw_connection()
    driver = raw.driver_connection
    assert driver
    if engine.dialect.name == "postgresql":
        driver.autocommit = True
        driver.execute("SET statement_timeout = 0")
        driver.execute("VACUUM ANALYZE")
    else:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    raw.invalidate()


def sid(number: int) -> str:
    """Return the id of a session by its number."""
    return f"{number * 16:06x}-in-bulk"
