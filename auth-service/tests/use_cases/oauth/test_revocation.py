"""Token revocation."""

import pytest
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant


def test_revocation_of_older_refresh_token_ends_session(rules, session, revoke):
    rules.refresh(session[1], None, None, ())

    revoke(session[1], None)

    assert rules.session(session[0].sid).end_reason == "revoked"


@pytest.mark.parametrize("client_id", ["console", "orders-service"])
@pytest.mark.parametrize("which", [1, 2], ids=["refresh token", "access token"])
def test_revocation_of_another_client_changes_nothing(rules, session, revoke, client_id, which):
    revoke(session[which], rules.client(client_id))

    assert rules.session(session[0].sid).ended_at is None


def test_revocation_by_exchanged_token_ends_nothing(rules, session, revoke):
    orders = rules.client("orders-service")
    exchanged = TokenExchangeGrant(rules.store, rules.reader, rules.token_issuer)(
        orders, session[2], "users-service", None
    )

    revoke(exchanged.access_token, orders)

    assert rules.session(session[0].sid).ended_at is None


def test_revocation_without_client_needs_public_client(rules, session, revoke):
    rules.register("cli", confidential=True)

    with pytest.raises(InvalidClient):
        revoke(session[1], None)

    assert rules.session(session[0].sid).ended_at is None


@pytest.mark.parametrize("token", ["", "unknown", "\ud800"])
def test_revocation_of_no_token_does_nothing(revoke, token):
    revoke(token, None)
