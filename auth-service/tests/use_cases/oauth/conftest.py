"""Fixtures of the OAuth use cases."""

import pytest
from auth_service.domain.oauth.scopes import Grant


@pytest.fixture
def opened(rules, alice):
    """`opened(*scopes)`: (session, access token, ID token claims) of a log-in with these scopes."""

    def make(*scopes, account=alice, nonce=None):
        grant = Grant(frozenset(scopes), ("auth-service", "orders-service"))
        with rules.store.transaction() as tx:
            session = rules.token_issuer.open_session(
                tx, account, rules.client(), grant, methods=("pwd",)
            ).session
        answer = rules.token_issuer.issue_for_session(session, account, grant, None, nonce=nonce)
        return session, answer.access_token, rules.signer.claims.get(answer.id_token)

    return make
