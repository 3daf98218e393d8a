"""Token introspection."""

import pytest
from auth_service.domain.oauth.errors import InvalidClient


def test_introspection_for_served_audience(rules, session, introspect):
    found = introspect(session[2], rules.client("orders-service"))

    assert (found.subject, found.session_id) == (session[0].sub, session[0].sid)


def test_introspection_of_other_audience_is_inactive(rules, alice, introspect):
    from auth_service.domain.oauth.scopes import Grant

    _, _, token = rules.open(alice, grant=Grant(frozenset({"profile:read"}), ("users-service",)))

    assert introspect(token, rules.client("orders-service")) is None
    assert introspect("unknown", rules.client("introspector")) is None


def test_introspection_of_disabled_client_is_inactive(rules, own_token, introspect):
    token = own_token()
    rules.register("orders-service", enabled=False)

    assert introspect(token, rules.client("introspector")) is None


@pytest.mark.parametrize("client_id", [None, "cli"])
def test_introspection_needs_authenticated_client(rules, session, introspect, client_id):
    with pytest.raises(InvalidClient):
        introspect(session[2], rules.client(client_id) if client_id else None)


def test_introspection_of_disabled_account_is_inactive(rules, alice, session, introspect):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    assert introspect(session[2], rules.client("introspector")) is None
