"""The UserInfo endpoint, and the name of an account."""

import pytest
from auth_service.domain.oauth.errors import InvalidToken, MissingScope
from auth_service.domain.sessions.errors import SessionOver
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession


@pytest.fixture
def user_info(rules):
    return UserInfo(rules.store, rules.reader, rules.clock)


@pytest.fixture
def opened_token(opened, user_info):
    """`opened_token(*scopes)`: the verified access token of a new session."""
    return lambda *scopes: user_info.verified(opened(*scopes)[1])


@pytest.mark.parametrize(
    ("scopes", "claims"),
    [
        (("openid",), {}),
        (("openid", "profile"), {"name": "Alice"}),
        (("openid", "email"), {"email": "alice@example.com", "email_verified": True}),
    ],
)
def test_userinfo_returns_claims_of_scopes(opened_token, user_info, alice, scopes, claims):
    assert user_info(opened_token(*scopes)) == {"sub": alice.sub} | claims


def test_userinfo_needs_the_openid_scope(opened_token, user_info):
    with pytest.raises(MissingScope):
        user_info(opened_token("profile"))


def test_userinfo_refuses_other_tokens(user_info):
    with pytest.raises(InvalidToken):
        user_info.verified("made up")


def test_userinfo_refuses_ended_session(rules, opened, user_info, clock):
    session, access, _ = opened("openid")
    token = user_info.verified(access)
    EndBrowserSession(rules.store, clock)(session.sub, None, session.sid)

    with pytest.raises(SessionOver):
        user_info(token)


def test_userinfo_refuses_disabled_account(rules, opened_token, user_info, alice, clock):
    token = opened_token("openid")
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, clock())

    with pytest.raises(SessionOver):
        user_info(token)


def test_account_name_for_profile_read(opened_token, user_info, alice):
    assert user_info.account_name(opened_token("profile:read")) == {"sub": alice.sub, "name": "Alice"}


def test_account_name_needs_its_scope(opened_token, user_info):
    with pytest.raises(MissingScope):
        user_info.account_name(opened_token("openid", "profile", "orders:read"))


def test_account_name_refuses_ended_session(rules, opened, user_info, clock):
    session, access, _ = opened("profile:read")
    token = user_info.verified(access)
    EndBrowserSession(rules.store, clock)(session.sub, None, session.sid)

    with pytest.raises(SessionOver):
        user_info.account_name(token)
