"""What the tests of users-service share: a stand-in for the database, another for the issuer, and the engines."""

import os
import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from service_kit.database import Database, open_database, upgrade
from testkit.clock import FakeClock
from touchstone.claims import AccessClaims
from touchstone.errors import BadSignature
from users_service.app import create_app
from users_service.domain.errors import StorageUnavailable
from users_service.domain.profiles import Keep, Profile, Users
from users_service.settings import Settings
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles

NO_POSTGRES = (
    "PostgreSQL: apt-get install postgresql, start it, and set TEST_POSTGRES_URL=postgresql://user:password@host/db"
    " to a role that may create databases"
)


class MemoryProfiles:
    """The domain's ``Profiles`` in a dictionary; ``down`` makes it fail as a database would."""

    def __init__(self):
        self.rows = {}
        self.down = False

    def first_sight(self, sub, at):
        self._answer()
        return self.rows.setdefault(sub, Profile(sub, "", None, at, at))

    def change(self, sub, changes, at):
        profile = replace(self.first_sight(sub, at), updated_at=at)
        if not isinstance(changes.name, Keep):
            profile = replace(profile, name=changes.name)
        if not isinstance(changes.shipping_address, Keep):
            profile = replace(profile, shipping_address=changes.shipping_address)
        self.rows[sub] = profile
        return profile

    def find(self, sub):
        self._answer()
        return self.rows.get(sub)

    def page(self, after, limit):
        self._answer()
        return [self.rows[sub] for sub in sorted(self.rows) if after is None or sub > after][:limit]

    def _answer(self):
        if self.down:
            raise StorageUnavailable


class Tokens:
    """Stands in for the issuer: knows the tokens that it gave, refuses all others."""

    def __init__(self):
        self.known = {}
        self.keys = True

    def give(self, sub, *scopes):
        """Return the headers of a request by ``sub`` with these scopes."""
        token = uuid.uuid4().hex
        self.known[token] = AccessClaims(
            issuer="http://localhost:8080",
            subject=sub,
            audience=("users-service",),
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

    def verify(self, token):
        try:
            return self.known[token]
        except KeyError:
            raise BadSignature from None

    def ready(self):
        return self.keys


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000)


@pytest.fixture
def memory():
    return MemoryProfiles()


@pytest.fixture
def users(memory, clock):
    return Users(memory, clock)


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def make_app(tmp_path, tokens, clock):
    """Make the app over a SQLite file of this test, or over the profiles handed in."""
    apps = []

    def make(**options):
        settings = Settings(database_url=f"sqlite:///{tmp_path}/users.db", log_level="CRITICAL")
        apps.append(create_app(settings, issuer=tokens, now=clock, **options))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["database"].engine.dispose()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def sqlite(tmp_path):
    database = Database(open_database(f"sqlite:///{tmp_path}/users.db"))
    upgrade(database.engine, MIGRATIONS)
    yield database
    database.engine.dispose()


@pytest.fixture
def postgresql():
    """A database of this test's own, on the server that TEST_POSTGRES_URL names."""
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.skip(NO_POSTGRES)
    url = url.replace("postgresql+psycopg://", "postgresql://")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        database = Database(open_database(urlsplit(url)._replace(path=f"/{name}").geturl()))
        upgrade(database.engine, MIGRATIONS)
        yield database
        database.engine.dispose()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def profiles(request):
    """Every implementation of the domain's port in turn, the tests' own one too."""
    made = request.getfixturevalue(request.param)
    return made if request.param == "memory" else SqlProfiles(made)
