"""Log-in at auth-service's own pages."""

import pytest
from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
from auth_service.use_cases.accounts.login import PasswordCheck


@pytest.fixture
def enter(rules):
    return BeginBrowserSession(rules.store, PasswordCheck(rules.store, rules.hasher), rules.clock)


def test_cookie_is_valid_for_twelve_hours(rules, alice, enter, clock):
    entered = enter("alice@example.com", "password", None)
    there = AuthenticateBrowser(rules.store, clock)
    assert there(entered.cookie).account == alice

    clock.advance(12 * 3600 - 1)
    assert there(entered.cookie) is not None
    clock.advance(1)
    assert there(entered.cookie) is None


@pytest.mark.parametrize("cookie", [None, "made up"])
def test_cookie_invalid_names_no_user(rules, alice, enter, clock, cookie):
    enter("alice@example.com", "password", None)

    assert AuthenticateBrowser(rules.store, clock)(cookie) is None


def test_cookie_of_disabled_account_names_no_user(rules, alice, enter, clock):
    entered = enter("alice@example.com", "password", None)
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, clock())

    assert AuthenticateBrowser(rules.store, clock)(entered.cookie) is None


@pytest.mark.parametrize("same", [True, False])
def test_new_login_replaces_cookie_and_keeps_own_sessions(rules, alice, enter, clock, same):
    rules.account("bob@example.com")
    old = enter("alice@example.com", "password", None)
    with rules.store.transaction() as tx:
        opened = rules.token_issuer.open_session(
            tx,
            alice,
            rules.client(),
            rules_grant(),
            methods=("pwd",),
            browser_session=old.user.session.digest,
        )

    new = enter("alice@example.com" if same else "bob@example.com", "password", old.cookie)

    there = AuthenticateBrowser(rules.store, clock)
    assert there(old.cookie) is None
    assert there(new.cookie) is not None
    belongs_to = rules.session(opened.session.sid).browser_session
    assert belongs_to == (new if same else old).user.session.digest


def rules_grant():
    from auth_service.domain.oauth.scopes import Grant

    return Grant(frozenset({"orders:read"}), ("orders-service",))
