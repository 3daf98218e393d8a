"""The UserInfo endpoint, and the name of an account."""

import pytest
from auth_service.domain.oauth.errors import InvalidToken, MissingScope
from auth_service.domain.sessions.errors import SessionOver
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession


@pytest.fixture
def user_info(rules):
    return UserInfo(rules.store, rules.reader, rules.clock)


@pytest.mark.parametrize(
    ("scopes", "claims"),
    [
        (("openid",), {}),
        (("openid", "profile"), {"name": "Alice"}),
        (("openid", "email"), {"email": "alice@example.com", "email_verified": True}),
    ],
)
def test_userinfo_returns_claims_of_scopes(opened, user_info, alice, scopes, claims):
    assert user_info(opened(*scopes)[1]) == {"sub": alice.sub} | claims


def test_userinfo_needs_the_openid_scope(opened, user_info):
    with pytest.raises(MissingScope):
        user_info(opened("profile")[1])


def test_userinfo_refuses_other_tokens(user_info):
    with pytest.raises(InvalidToken):
        user_info("made up")


def test_userinfo_refuses_ended_session(rules, opened, user_info, clock):
    session, access, _ = opened("openid")
    EndBrowserSession(rules.store, clock)(session.sub, None, session.sid)

    with pytest.raises(SessionOver):
        user_info(access)


def test_userinfo_refuses_disabled_account(rules, opened, user_info, alice, clock):
    access = opened("openid")[1]
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, clock())

    with pytest.raises(SessionOver):
        user_info(access)


def test_account_name_for_profile_read(opened, user_info, alice):
    assert user_info.account_name(opened("profile:read")[1]) == {"sub": alice.sub, "name": "Alice"}


def test_account_name_needs_its_scope(opened, user_info):
    with pytest.raises(MissingScope):
        user_info.account_name(opened("openid", "profile", "orders:read")[1])


def test_account_name_refuses_ended_session(rules, opened, user_info, clock):
    session, access, _ = opened("profile:read")
    EndBrowserSession(rules.store, clock)(session.sub, None, session.sid)

    with pytest.raises(SessionOver):
        user_info.account_name(access)
