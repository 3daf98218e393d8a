"""Password change."""

import pytest
from auth_service.domain.accounts.errors import InvalidPassword, WrongPassword
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.sessions.errors import SessionOver
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.sessions.logout import Logout


@pytest.fixture
def change(rules):
    return PasswordChange(rules.store, rules.hasher, rules.clock)


def by_log_out(rules, session):
    Logout(rules.store, rules.clock)(session[0].sub, session[0].sid)


def test_password_change_keeps_own_session(rules, alice, session, change):
    change(alice.sub, session[0].sid, "password", "new password")

    assert rules.session(session[0].sid).ended_at is None
    with rules.store.reading() as tx:
        assert tx.accounts.get(alice.sub).password_hash == "v1:new password"


def test_password_change_wrong_password_is_refused(rules, alice, session, change):
    other, _, _ = rules.open(alice)

    with pytest.raises(WrongPassword):
        change(alice.sub, session[0].sid, "wrong", "new password")
    assert rules.session(other.sid).ended_at is None
    with rules.store.reading() as tx:
        (refused,) = tx.audit.list_newest(AuditQuery(event="password_changed"), 10)
    assert (refused.outcome, refused.session_id) == ("refused", session[0].sid)
    assert rules.hasher.work == ["verify"]


def test_password_change_checks_new_password_first(rules, alice, session, change):
    with pytest.raises(InvalidPassword):
        change(alice.sub, session[0].sid, "password", "short")
    assert rules.hasher.work == []


def test_password_change_needs_live_session(rules, alice, session, change):
    by_log_out(rules, session)

    with pytest.raises(SessionOver):
        change(alice.sub, session[0].sid, "password", "new password")


def test_password_change_of_disabled_account_is_refused(rules, alice, session, change):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    with pytest.raises(SessionOver):
        change(alice.sub, session[0].sid, "password", "new password")


def test_password_change_concurrent_second_is_refused(rules, alice, session, change):
    rules.hasher.meanwhile = lambda: rules.store.accounts.set_password_hash(alice.sub, "v1:changed meanwhile")

    with pytest.raises(WrongPassword):
        change(alice.sub, session[0].sid, "password", "new password")
