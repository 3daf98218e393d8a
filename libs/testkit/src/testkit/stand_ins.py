"""What a service under test stands on: an issuer that knows the tokens it gave, and databases of the test's own."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from service_kit.database import Database, open_database, upgrade
from touchstone.claims import AccessClaims
from touchstone.errors import BadSignature, Unavailable

NO_POSTGRES = (
    "needs PostgreSQL: apt-get install postgresql, then tools/with-postgres make test"
    " (or TEST_POSTGRES_URL=postgresql://user:password@host/db, a role that may create databases)"
)


class Followed:
    """Stands in for what is followed of an issuer: nothing, unless `found` says otherwise."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def stats(self) -> list[Any]:
        """Return `found`."""
        return self.found


class Tokens:
    """Stands in for the issuer of one audience: knows the tokens that it gave, refuses all others.

    `keys` says whether it is ready, `confirmed` whether a fresh look at a status would succeed.
    """

    def __init__(self, audience: str) -> None:
        self.audience = audience
        self.known: dict[str, AccessClaims] = {}
        self.keys = True
        self.confirmed = True
        self.documents = Followed()

    def give(self, sub: str, *scopes: str) -> dict[str, str]:
        """Return the headers of a request by `sub` with these scopes."""
        token = uuid.uuid4().hex
        self.known[token] = AccessClaims(
            issuer="http://localhost:8080",
            subject=sub,
            audience=(self.audience,),
            expires_at=0.0,
            issued_at=0.0,
            token_id=token,
            client_id="cli",
            scopes=frozenset(scopes),
            roles=frozenset(),
            session_id=None,
            auth_time=None,
            actor=None,
            status=None,
        )
        return {"Authorization": f"Bearer {token}"}

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a token given here; BadSignature for any other, Unavailable as `confirmed` says."""
        if token not in self.known:
            raise BadSignature
        if fresh and not self.confirmed:
            raise Unavailable(1)
        return self.known[token]

    def ready(self) -> bool:
        """Tell what `keys` was set to."""
        return self.keys


def migrate(url: str, migrations: Path) -> None:
    """Bring the database at this URL to the newest migration, and close its connections."""
    engine = open_database(url)
    upgrade(engine, migrations)
    engine.dispose()


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Yield the database at this URL; its connections are closed afterwards.

    A thread waits for a connection as long as a busy machine takes, where a service would give up after three seconds.
    """
    database = Database(open_database(url, pool_timeout=120))
    yield database
    database.engine.dispose()


@contextmanager
def postgresql_url(template: str | None = None) -> Iterator[str]:
    """Yield the URL of a database on the server that TEST_POSTGRES_URL names, gone after; skip without one.

    It is empty, or a copy of the database at the URL `template`, which must have no connections.
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
