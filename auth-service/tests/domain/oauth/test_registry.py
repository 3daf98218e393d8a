"""Audiences, roles and their scopes."""

import pytest
from auth_service.domain.oauth.errors import InvalidScope
from auth_service.domain.oauth.registry import Audience, Registry, Role

APP = Audience("app", {"b:write": "Change b", "a:read": "See a"}, {"manage": "Manage all"})
REGISTRY = Registry(
    {"app": APP}, {"user": Role("user", frozenset({"a:read"}), default=True), "none": Role("none")}
)


def test_scopes_are_those_of_audiences():
    assert REGISTRY.scopes == {"a:read", "b:write"}
    assert REGISTRY.client_scopes == {"a:read", "b:write", "manage"}
    assert REGISTRY.supported == {"a:read", "b:write", "manage", "openid", "profile", "email"}
    assert REGISTRY.default_roles == {"user"}


def test_unknown_scopes_are_ignored():
    assert REGISTRY.known(None) is None
    assert REGISTRY.known(frozenset({"a:read", "email", "other"})) == {"a:read", "email"}


@pytest.mark.parametrize("scopes", [frozenset(), frozenset({"other"})])
def test_request_without_known_scope_is_refused(scopes):
    with pytest.raises(InvalidScope):
        REGISTRY.known(scopes)


def test_unknown_role_has_no_scopes():
    assert REGISTRY.scopes_of(["user", "none", "other"]) == {"a:read"}
    assert REGISTRY.scopes_of([]) == frozenset()


def test_descriptions_follow_the_registry():
    described = REGISTRY.describe(["manage", "z:other", "a:read", "y:other", "b:write", "email"])

    assert list(described) == ["email", "b:write", "a:read", "manage", "y:other", "z:other"]
    assert (described["a:read"], described["z:other"]) == ("See a", "z:other")


def test_row_of_file_wins_over_added_audience():
    added = [Audience("app", {"c": "C"}), Audience("more", {"a:read": "Other", "email": "Other", "c": "C"})]

    whole = REGISTRY.extended(added, [])

    assert whole.audiences["app"] is APP
    assert whole.audiences["more"] == Audience("more", {"c": "C"})
    assert whole.roles == REGISTRY.roles


def test_added_role_replaces_scopes_alone():
    more = Audience("more", {"c": "C"})

    whole = REGISTRY.extended(
        [more],
        [Role("user", frozenset({"c", "gone", "manage"})), Role("new", frozenset({"b:write"}), default=True)],
    )

    assert whole.roles["user"] == Role("user", frozenset({"c"}), default=True)
    assert whole.roles["new"] == Role("new", frozenset({"b:write"}), default=False)
    assert REGISTRY.roles["user"].scopes == {"a:read"}
