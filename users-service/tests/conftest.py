"""What the tests of users-service share: a stand-in for the database, another for the issuer, and the engines."""

import shutil
from dataclasses import replace

import pytest
from testkit.clock import FakeClock
from testkit.database import database_at, migrate, postgresql_url
from testkit.token_verifier import FakeTokenVerifier
from users_service.app import create_app
from users_service.domain.errors import StorageUnavailable
from users_service.domain.profile import Keep, Profile
from users_service.settings import Settings
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles
from users_service.use_cases import Users


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
            profile = replace(profile, name=changes.name, name_known=True)
        if not isinstance(changes.shipping_address, Keep):
            profile = replace(profile, shipping_address=changes.shipping_address)
        self.rows[sub] = profile
        return profile

    def copy_name(self, sub, name):
        self._answer()
        if not self.rows[sub].name_known:
            self.rows[sub] = replace(self.rows[sub], name=name, name_known=True)
        return self.rows[sub]

    def find(self, sub):
        self._answer()
        return self.rows.get(sub)

    def page(self, after, limit):
        self._answer()
        return [self.rows[sub] for sub in sorted(self.rows) if after is None or sub > after][:limit]

    def _answer(self):
        if self.down:
            raise StorageUnavailable


class FakeNames:
    """The domain's ``AccountNames`` in a dictionary; `asked` are the (sub, token) that it was asked about."""

    def __init__(self):
        self.names = {}
        self.asked = []

    def fetch(self, sub, token):
        self.asked.append((sub, token))
        return self.names.get(sub)


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000)


@pytest.fixture
def memory():
    return MemoryProfiles()


@pytest.fixture
def names():
    return FakeNames()


@pytest.fixture
def users(memory, names, clock):
    return Users(memory, names, clock)


@pytest.fixture
def tokens():
    return FakeTokenVerifier("users-service")


@pytest.fixture
def make_app(sqlite_file, tokens, names, clock):
    """Make the app over a SQLite file of this test, or over the profiles handed in."""
    apps = []

    def make(**options):
        settings = Settings(database_url=f"sqlite:///{sqlite_file}", log_level="CRITICAL")
        apps.append(create_app(settings, issuer=tokens, now=clock, **{"names": names} | options))
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


@pytest.fixture(scope="session")
def sqlite_migrated(tmp_path_factory):
    """A SQLite file with the tables and no rows, made once for all tests; copy it."""
    file = tmp_path_factory.mktemp("migrated") / "users.db"
    migrate(f"sqlite:///{file}", MIGRATIONS)
    return file


@pytest.fixture
def sqlite_file(sqlite_migrated, tmp_path):
    return shutil.copy(sqlite_migrated, tmp_path / "users.db")


@pytest.fixture
def sqlite(sqlite_file):
    with database_at(f"sqlite:///{sqlite_file}") as database:
        yield database


@pytest.fixture(scope="session")
def postgresql_migrated():
    """The URL of a PostgreSQL database with the tables and no rows, made once for all tests; copy it."""
    with postgresql_url() as url:
        migrate(url, MIGRATIONS)
        yield url


@pytest.fixture
def postgresql(postgresql_migrated):
    with postgresql_url(postgresql_migrated) as url, database_at(url) as database:
        yield database


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def profiles(request):
    """Every implementation of the domain's port in turn, the tests' own one too."""
    made = request.getfixturevalue(request.param)
    return made if request.param == "memory" else SqlProfiles(made)
