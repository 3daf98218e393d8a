"""Fakes of the ports, and the fixtures of the tests."""

from dataclasses import replace

import pytest
from testkit.service_fixtures import *  # noqa: F403 - fixtures
from testkit.token_verifier import FakeTokenVerifier
from users_service.app import create_app
from users_service.domain.profile import Profile, Unchanged
from users_service.settings import Settings
from users_service.storage import MIGRATIONS
from users_service.storage.profiles import SqlProfiles
from users_service.use_cases import UseCases


class FakeProfiles:
    """`Profiles` in a dictionary."""

    def __init__(self):
        self.rows = {}

    def get(self, sub):
        return self.rows.get(sub)

    def get_or_create(self, sub, at):
        return self.rows.setdefault(sub, Profile(sub, "", None, at, at))

    def update(self, sub, changes, at):
        profile = replace(self.get_or_create(sub, at), updated_at=at)
        if not isinstance(changes.name, Unchanged):
            profile = replace(profile, name=changes.name, name_known=True)
        if not isinstance(changes.shipping_address, Unchanged):
            profile = replace(profile, shipping_address=changes.shipping_address)
        self.rows[sub] = profile
        return profile

    def copy_name(self, sub, name):
        if not self.rows[sub].name_known:
            self.rows[sub] = replace(self.rows[sub], name=name, name_known=True)
        return self.rows[sub]

    def list_page(self, after, limit):
        return [self.rows[sub] for sub in sorted(self.rows) if after is None or sub > after][:limit]


class FakeNames:
    """`AccountNames` in a dictionary; `requested` has the (sub, token) of each request."""

    def __init__(self):
        self.names = {}
        self.requested = []

    def get(self, sub, token):
        self.requested.append((sub, token))
        return self.names.get(sub)


@pytest.fixture(scope="session")
def migrations():
    return MIGRATIONS


@pytest.fixture
def fake_profiles():
    return FakeProfiles()


@pytest.fixture
def names():
    return FakeNames()


@pytest.fixture
def use_cases(fake_profiles, names, clock):
    return UseCases.of(fake_profiles, names, clock)


@pytest.fixture
def tokens():
    return FakeTokenVerifier("users-service")


@pytest.fixture
def create(sqlite_file, tokens, names, clock):
    settings = Settings(database_url=f"sqlite:///{sqlite_file}", log_level="CRITICAL")
    return lambda: create_app(settings, names=names, issuer=tokens, now=clock)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def profiles(request):
    """Every implementation of `Profiles` in turn."""
    if request.param == "fake":
        return FakeProfiles()
    return SqlProfiles(request.getfixturevalue(request.param))
