"""Every way in which a session ends, and what is over then."""

import pytest
from auth_service.domain.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidPassword,
    InvalidRequest,
    SessionOver,
    WrongPassword,
)
from auth_service.domain.exchange import Exchange
from auth_service.domain.logout import Introspect, LogOut, Revoke
from auth_service.domain.passwords import ChangePassword


@pytest.fixture
def alice(rules):
    return rules.account()


@pytest.fixture
def session(rules, alice):
    return rules.open(alice)


@pytest.fixture
def log_out(rules):
    return LogOut(rules.store, rules.clock)


@pytest.fixture
def revoke(rules):
    return Revoke(rules.store, rules.clients, rules.reader, rules.clock)


@pytest.fixture
def introspect(rules):
    return Introspect(rules.store, rules.reader, rules.clock)


@pytest.fixture
def change(rules):
    return ChangePassword(rules.store, rules.hasher, rules.clock)


def by_log_out(rules, session):
    LogOut(rules.store, rules.clock)(session[0].sub, session[0].sid)


def by_log_out_everywhere(rules, session):
    LogOut(rules.store, rules.clock).everywhere(session[0].sub, session[0].sid)


def by_revoking_the_refresh_token(rules, session):
    Revoke(rules.store, rules.clients, rules.reader, rules.clock)(session[1], rules.client("cli"))


def by_revoking_the_access_token(rules, session):
    Revoke(rules.store, rules.clients, rules.reader, rules.clock)(session[2], rules.client("cli"))


def by_reusing_a_refresh_token(rules, session):
    rules.refresh(session[1], None, None, ())
    rules.clock.advance(11)
    with pytest.raises(InvalidGrant):
        rules.refresh(session[1], None, None, ())


def by_changing_the_password_elsewhere(rules, session):
    with rules.store.reading() as tx:
        account = tx.accounts.get(session[0].sub)
    elsewhere, _, _ = rules.open(account)
    ChangePassword(rules.store, rules.hasher, rules.clock)(
        account.sub, elsewhere.sid, "password", "new password"
    )


WAYS = {
    by_log_out: "logged_out",
    by_log_out_everywhere: "logged_out_everywhere",
    by_revoking_the_refresh_token: "revoked",
    by_revoking_the_access_token: "revoked",
    by_reusing_a_refresh_token: "refresh_reused",
    by_changing_the_password_elsewhere: "password_changed",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whichever_way_a_session_ends_nothing_of_it_goes_on(rules, alice, session, introspect, way):
    other_account, other_token, _ = rules.open(rules.account())

    way(rules, session)

    assert rules.session(session[0].sid).end_reason == WAYS[way]
    with pytest.raises(InvalidGrant):
        rules.refresh(session[1], None, None, ())
    with pytest.raises(InvalidRequest):
        Exchange(rules.store, rules.reader, rules.issuing)(
            rules.client("orders-service"), session[2], "users-service", None
        )
    assert introspect(session[2], rules.client("introspector")) is None
    assert rules.session(other_account.sid).ended_at is None
    assert rules.refresh(other_token, None, None, ())


def test_logging_out_ends_this_session_alone_and_twice_is_no_error(rules, alice, session, log_out):
    other, _, _ = rules.open(alice)

    log_out(alice.sub, session[0].sid)
    log_out(alice.sub, session[0].sid)

    assert rules.session(other.sid).ended_at is None


def test_logging_out_everywhere_ends_all_sessions_of_the_account(rules, alice, session, log_out):
    other, _, _ = rules.open(alice, "console")

    log_out.everywhere(alice.sub, session[0].sid)

    assert rules.session(other.sid).ended_at is not None


@pytest.mark.parametrize("sid", [None, "no such session"])
def test_a_token_without_a_session_cannot_log_out(alice, log_out, sid):
    for way in (log_out, log_out.everywhere):
        with pytest.raises(SessionOver):
            way(alice.sub, sid)


def test_nobody_logs_anybody_else_out(rules, session, log_out):
    with pytest.raises(SessionOver):
        log_out(rules.account().sub, session[0].sid)


def test_revoking_an_older_refresh_token_ends_the_session_too(rules, session, revoke):
    rules.refresh(session[1], None, None, ())

    revoke(session[1], None)

    assert rules.session(session[0].sid).end_reason == "revoked"


@pytest.mark.parametrize("client_id", ["console", "orders-service"])
@pytest.mark.parametrize("which", [1, 2], ids=["refresh token", "access token"])
def test_a_client_revokes_only_its_own_tokens(rules, session, revoke, client_id, which):
    revoke(session[which], rules.client(client_id))

    assert rules.session(session[0].sid).ended_at is None


def test_a_service_cannot_end_a_users_session_with_its_exchanged_token(rules, session, revoke):
    orders = rules.client("orders-service")
    exchanged = Exchange(rules.store, rules.reader, rules.issuing)(orders, session[2], "users-service", None)

    revoke(exchanged.access_token, orders)

    assert rules.session(session[0].sid).ended_at is None


def test_without_a_client_only_a_public_clients_session_can_be_revoked(rules, session, revoke):
    rules.register("cli", confidential=True)

    revoke(session[1], None)

    assert rules.session(session[0].sid).ended_at is None


@pytest.mark.parametrize("token", ["", "unknown", "\ud800"])
def test_revoking_what_is_no_token_does_nothing(revoke, token):
    revoke(token, None)


def test_introspection_tells_a_resource_server_about_its_own_tokens(rules, session, introspect):
    found = introspect(session[2], rules.client("orders-service"))

    assert (found.subject, found.session_id) == (session[0].sub, session[0].sid)


def test_introspection_says_nothing_about_tokens_for_others(rules, alice, introspect):
    from auth_service.domain.grants import Grant

    _, _, token = rules.open(alice, grant=Grant(frozenset({"profile:read"}), ("users-service",)))

    assert introspect(token, rules.client("orders-service")) is None
    assert introspect("unknown", rules.client("introspector")) is None


def test_a_services_own_token_stands_without_a_session(rules, introspect):
    from auth_service.domain.exchange import ServiceToken

    token = ServiceToken(rules.issuing)(rules.client("orders-service"), None, ()).access_token

    assert introspect(token, rules.client("introspector")).subject == "orders-service"


@pytest.mark.parametrize("client_id", [None, "cli"])
def test_introspection_is_for_clients_that_prove_who_they_are(rules, session, introspect, client_id):
    with pytest.raises(InvalidClient):
        introspect(session[2], rules.client(client_id) if client_id else None)


def test_the_token_of_a_disabled_account_does_not_stand(rules, alice, session, introspect):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    assert introspect(session[2], rules.client("introspector")) is None


def test_a_changed_password_keeps_the_session_that_changed_it(rules, alice, session, change):
    change(alice.sub, session[0].sid, "password", "new password")

    assert rules.session(session[0].sid).ended_at is None
    with rules.store.reading() as tx:
        assert tx.accounts.get(alice.sub).password_hash == "v1:new password"


def test_a_wrong_current_password_changes_nothing(rules, alice, session, change):
    other, _, _ = rules.open(alice)

    with pytest.raises(WrongPassword):
        change(alice.sub, session[0].sid, "wrong", "new password")
    assert rules.session(other.sid).ended_at is None
    assert rules.hasher.work == ["verify"]


def test_a_bad_new_password_is_refused_before_any_work(rules, alice, session, change):
    with pytest.raises(InvalidPassword):
        change(alice.sub, session[0].sid, "password", "short")
    assert rules.hasher.work == []


def test_an_ended_session_changes_no_password(rules, alice, session, change):
    by_log_out(rules, session)

    with pytest.raises(SessionOver):
        change(alice.sub, session[0].sid, "password", "new password")


def test_a_disabled_account_changes_no_password(rules, alice, session, change):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    with pytest.raises(SessionOver):
        change(alice.sub, session[0].sid, "password", "new password")


def test_of_two_changes_at_once_the_second_is_refused(rules, alice, session, change):
    rules.hasher.meanwhile = lambda: rules.store.accounts.set_password_hash(alice.sub, "v1:changed meanwhile")

    with pytest.raises(WrongPassword):
        change(alice.sub, session[0].sid, "password", "new password")
