"""Fixtures of several use cases."""

import pytest
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.revocation import Revocation


@pytest.fixture
def alice(rules):
    return rules.account("alice@example.com", name="Alice")


@pytest.fixture
def session(rules, alice):
    """An active session of Alice: (session, refresh token, access token)."""
    return rules.open(alice)


@pytest.fixture
def revoke(rules):
    return Revocation(rules.store, rules.clients, rules.reader, rules.clock)


@pytest.fixture
def introspect(rules):
    return Introspection(rules.store, rules.clients, rules.reader, rules.clock)


@pytest.fixture
def own_token(rules):
    """`own_token(client_id)`: an access token of a client itself."""
    get = ClientCredentialsGrant(rules.store, rules.token_issuer)
    return lambda client_id="orders-service": get(rules.client(client_id), None, ()).access_token
