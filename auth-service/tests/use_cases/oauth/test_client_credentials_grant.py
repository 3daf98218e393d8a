"""The client credentials grant."""

from dataclasses import replace

import pytest
from auth_service.domain.oauth.errors import (
    InvalidClient,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
)
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant


@pytest.fixture
def orders(rules):
    return rules.client("orders-service")


def own_token(rules, client, scopes=None, audiences=()):
    return ClientCredentialsGrant(rules.store, rules.token_issuer)(client, scopes, audiences)


def test_client_token_has_no_user_and_no_session(rules, orders):
    answer = own_token(rules, orders)

    claims = rules.signer.claims[answer.access_token]
    assert (claims["sub"], claims["client_id"]) == ("orders-service", "orders-service")
    assert (claims["aud"], claims["scope"], claims["roles"]) == ("users-service", "users:read", [])
    assert not {"sid", "act", "auth_time"} & set(claims)
    assert claims["status"]["status_list"]["uri"].endswith("/status-lists/1")
    assert answer.refresh_token is None


@pytest.mark.parametrize("client_id", ["introspector", "cli"])
def test_client_token_needs_registered_confidential_client(rules, client_id):
    with pytest.raises(UnauthorizedClient):
        own_token(rules, rules.client(client_id))


def test_client_token_is_refused_to_public_client(rules):
    public = rules.register("cli", grants=frozenset({"client_credentials"}))

    with pytest.raises(UnauthorizedClient):
        own_token(rules, public)


def test_client_token_is_bounded_by_registration(rules, orders):
    with pytest.raises(InvalidScope):
        own_token(rules, orders, frozenset({"admin"}))
    with pytest.raises(InvalidTarget):
        own_token(rules, orders, None, ("auth-service",))


def test_client_token_of_disabled_client_is_refused(rules, orders):
    """The client was disabled between authentication and issuance."""
    with rules.store.transaction() as tx:
        tx.clients.add(replace(orders, enabled=False), 1.0)

    with pytest.raises(InvalidClient):
        own_token(rules, orders)
    with rules.store.reading() as tx:
        assert tx.statuses.find_by_client("orders-service") is None
