"""Log-out."""

import pytest
from auth_service.domain.sessions.errors import SessionOver
from auth_service.use_cases.sessions.logout import Logout


@pytest.fixture
def log_out(rules):
    return Logout(rules.store, rules.clock)


def test_logout_ends_this_session_alone(rules, alice, session, log_out):
    other, _, _ = rules.open(alice)

    log_out(alice.sub, session[0].sid)
    log_out(alice.sub, session[0].sid)

    assert rules.session(other.sid).ended_at is None


def test_logout_everywhere_ends_all_sessions(rules, alice, session, log_out):
    other, _, _ = rules.open(alice, "console")

    log_out.everywhere(alice.sub, session[0].sid)

    assert rules.session(other.sid).ended_at is not None


@pytest.mark.parametrize("sid", [None, "no such session"])
def test_logout_without_session_is_refused(alice, log_out, sid):
    for way in (log_out, log_out.with_browser_session, log_out.everywhere):
        with pytest.raises(SessionOver):
            way(alice.sub, sid)


def test_logout_of_another_account_is_refused(rules, session, log_out):
    with pytest.raises(SessionOver):
        log_out(rules.account().sub, session[0].sid)
