"""Every way in which a session ends, and what is over then."""

from dataclasses import replace
from pathlib import Path

import auth_service
import pytest
from auth_service.adapters.client_files import ClientRegistry
from auth_service.domain.accounts.errors import InvalidPassword, WrongPassword
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.errors import InvalidClient, InvalidGrant, InvalidRequest
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import PasswordReset, password_digest
from auth_service.use_cases.admin.accounts import AccountAdmin
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.use_cases.admin.sessions import SessionAdmin
from auth_service.use_cases.oauth.authorization_code_grant import AuthorizationCodeGrant, Redemption
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.introspection import Introspection
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_client
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions


@pytest.fixture
def alice(rules):
    return rules.account()


@pytest.fixture
def session(rules, alice):
    return rules.open(alice)


@pytest.fixture
def log_out(rules):
    return Logout(rules.store, rules.clock)


@pytest.fixture
def revoke(rules):
    return Revocation(rules.store, rules.clients, rules.reader, rules.clock)


@pytest.fixture
def introspect(rules):
    return Introspection(rules.store, rules.clients, rules.reader, rules.clock)


@pytest.fixture
def change(rules):
    return PasswordChange(rules.store, rules.hasher, rules.clock)


def by_log_out(rules, session):
    Logout(rules.store, rules.clock)(session[0].sub, session[0].sid)


def by_log_out_everywhere(rules, session):
    Logout(rules.store, rules.clock).everywhere(session[0].sub, session[0].sid)


def by_revoking_the_refresh_token(rules, session):
    Revocation(rules.store, rules.clients, rules.reader, rules.clock)(session[1], rules.client("cli"))


def by_revoking_the_access_token(rules, session):
    Revocation(rules.store, rules.clients, rules.reader, rules.clock)(session[2], rules.client("cli"))


def by_reusing_a_refresh_token(rules, session):
    rules.refresh(session[1], None, None, ())
    rules.clock.advance(11)
    with pytest.raises(InvalidGrant):
        rules.refresh(session[1], None, None, ())


def by_changing_the_password_elsewhere(rules, session):
    with rules.store.reading() as tx:
        account = tx.accounts.get(session[0].sub)
    elsewhere, _, _ = rules.open(account)
    PasswordChange(rules.store, rules.hasher, rules.clock)(
        account.sub, elsewhere.sid, "password", "new password"
    )


def by_logging_out_at_the_browser(rules, session):
    EndBrowserSession(rules.store, rules.clock)(session[0].sub, None, session[0].sid)


def by_reusing_an_authorization_code(rules, session):
    code = AuthorizationCode(
        digest=digest_of("code"),
        client_id="cli",
        sub=session[0].sub,
        redirect_uri="http://127.0.0.1/callback",
        scopes=session[0].scopes,
        audiences=session[0].audiences,
        code_challenge="c" * 43,
        methods=("pwd",),
        auth_time=session[0].auth_time,
        expires_at=rules.clock() + 60,
    )
    with rules.store.transaction() as tx:
        tx.authorization_codes.add(code)
        tx.authorization_codes.mark_used(code.digest, rules.clock())
        tx.authorization_codes.set_session(code.digest, session[0].sid)
    with pytest.raises(InvalidGrant):
        AuthorizationCodeGrant(rules.store, rules.token_issuer)(
            rules.client("cli"), Redemption("code", None, None)
        )


def by_its_owner_from_another_session(rules, session):
    with rules.store.reading() as tx:
        account = tx.accounts.get(session[0].sub)
    elsewhere, _, _ = rules.open(account)
    OwnSessions(rules.store, rules.clients, rules.clock).end(account.sub, elsewhere.sid, session[0].sid)


def by_a_password_reset(rules, session):
    with rules.store.transaction() as tx:
        account = tx.accounts.get(session[0].sub)
        link = OneTimeToken(
            digest_of("link"),
            Purpose.PASSWORD_RESET,
            account.email,
            account.sub,
            rules.clock() + 60,
            password_digest(account.password_hash),
        )
        tx.one_time_tokens.add(link)
    PasswordReset(rules.store, rules.hasher, rules.clock)("link", "a new password")


def by_disabling_the_account(rules, session):
    AccountAdmin(rules.store, rules.hasher, rules.clock).disable(session[0].sub)
    with rules.store.transaction() as tx:  # what is over stays over
        tx.accounts.set_disabled(session[0].sub, None)


def by_disabling_the_client(rules, session):
    rules.store.rows["clients"]["cli"] = rules.client("cli")
    ClientAdmin(rules.store, ClientRegistry([]), rules.clock).disable("cli")


def by_disabling_the_client_in_its_file(rules, session):
    disabled = ClientRegistry([replace(rules.client("cli"), enabled=False)])
    ClientAdmin(rules.store, disabled, rules.clock).end_sessions_of_disabled()


def by_an_administrator(rules, session):
    SessionAdmin(rules.store, rules.clock).end(session[0].sid, "an-admin")


WAYS = {
    by_log_out: "logged_out",
    by_logging_out_at_the_browser: "logged_out",
    by_reusing_an_authorization_code: "code_reused",
    by_its_owner_from_another_session: "ended_by_owner",
    by_a_password_reset: "password_reset",
    by_disabling_the_account: "account_disabled",
    by_disabling_the_client: "client_disabled",
    by_disabling_the_client_in_its_file: "client_disabled",
    by_an_administrator: "ended_by_admin",
    by_log_out_everywhere: "logged_out_everywhere",
    by_revoking_the_refresh_token: "revoked",
    by_revoking_the_access_token: "revoked",
    by_reusing_a_refresh_token: "refresh_reused",
    by_changing_the_password_elsewhere: "password_changed",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whichever_way_a_session_ends_nothing_of_it_goes_on(rules, alice, session, introspect, way):
    other_account, other_token, _ = rules.open(rules.account(), "console")

    way(rules, session)

    assert rules.session(session[0].sid).end_reason == WAYS[way]
    with pytest.raises(InvalidGrant):
        rules.refresh(session[1], None, None, ())
    with pytest.raises(InvalidRequest):
        TokenExchangeGrant(rules.store, rules.reader, rules.token_issuer)(
            rules.client("orders-service"), session[2], "users-service", None
        )
    assert introspect(session[2], rules.client("introspector")) is None
    assert rules.session(other_account.sid).ended_at is None
    assert rules.refresh(other_token, None, None, ())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whichever_way_a_session_ends_its_bit_is_set_and_nobody_elses(rules, session, way):
    other, _, _ = rules.open(rules.account(), "console")

    way(rules, session)

    with rules.store.reading() as tx:
        bits = tx.statuses.changes_since(None).bits
    assert (*session[0].status, True) in bits
    assert (*other.status, True) not in bits


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whichever_way_a_session_ends_the_audit_log_has_one_line_of_it(rules, session, way):
    way(rules, session)

    with rules.store.reading() as tx:
        log = [entry.event for entry in tx.audit.list_newest(AuditQuery(event="session_ended"), 100)]
    (line,) = [event for event in log if event.session_id == session[0].sid]
    assert (line.subject, line.client_id, line.detail) == (session[0].sub, "cli", {"reason": WAYS[way]})


@pytest.mark.parametrize(
    ("way", "event"),
    [
        (by_reusing_a_refresh_token, "refresh_reused"),
        (by_reusing_an_authorization_code, "code_reused"),
        (by_changing_the_password_elsewhere, "password_changed"),
        (by_a_password_reset, "password_reset"),
        (by_disabling_the_account, "account_disabled"),
        (by_disabling_the_client, "client_disabled"),
    ],
)
def test_what_ended_the_session_has_a_line_of_its_own(rules, session, way, event):
    way(rules, session)

    with rules.store.reading() as tx:
        assert len(tx.audit.list_newest(AuditQuery(event=event), 100)) == 1


def test_no_reason_for_an_end_is_missing_above():
    assert set(WAYS.values()) == {str(reason) for reason in EndReason}


def test_a_session_is_marked_as_ended_in_one_place_alone():
    package = Path(auth_service.__file__).parent
    calls = [
        path.name
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if "sessions.mark_ended(" in line and "browser_sessions" not in line
    ]

    assert calls == ["end_sessions.py"]


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
    exchanged = TokenExchangeGrant(rules.store, rules.reader, rules.token_issuer)(
        orders, session[2], "users-service", None
    )

    revoke(exchanged.access_token, orders)

    assert rules.session(session[0].sid).ended_at is None


def test_without_a_client_only_a_public_clients_session_can_be_revoked(rules, session, revoke):
    rules.register("cli", confidential=True)

    with pytest.raises(InvalidClient):
        revoke(session[1], None)

    assert rules.session(session[0].sid).ended_at is None


@pytest.mark.parametrize("token", ["", "unknown", "\ud800"])
def test_revoking_what_is_no_token_does_nothing(revoke, token):
    revoke(token, None)


def test_introspection_tells_a_resource_server_about_its_own_tokens(rules, session, introspect):
    found = introspect(session[2], rules.client("orders-service"))

    assert (found.subject, found.session_id) == (session[0].sub, session[0].sid)


def test_introspection_says_nothing_about_tokens_for_others(rules, alice, introspect):
    from auth_service.domain.oauth.scopes import Grant

    _, _, token = rules.open(alice, grant=Grant(frozenset({"profile:read"}), ("users-service",)))

    assert introspect(token, rules.client("orders-service")) is None
    assert introspect("unknown", rules.client("introspector")) is None


@pytest.fixture
def own_token(rules):
    get = ClientCredentialsGrant(rules.store, rules.token_issuer)
    return lambda client_id="orders-service": get(rules.client(client_id), None, ()).access_token


def own_status(rules, token):
    return rules.reader.read_any(token).status


def is_revoked(rules, token):
    with rules.store.reading() as tx:
        return own_status(rules, token) in {
            (bit.number, bit.idx) for bit in tx.statuses.changes_since(None).bits
        }


def test_own_tokens_of_one_client_share_one_status(rules, own_token):
    other = rules.register(
        "billing", confidential=True, grants=frozenset({"client_credentials"}),
        own_scopes=frozenset({"users:read"}), audiences=frozenset({"users-service"}),
    )  # fmt: skip

    statuses = [own_status(rules, own_token(client)) for client in ["orders-service"] * 3 + [other.client_id]]

    assert len(set(statuses[:3])) == 1
    assert statuses[3] != statuses[0]


def test_an_own_token_is_active_until_its_status_is_set(rules, own_token, introspect):
    token, introspector = own_token(), rules.client("introspector")
    assert introspect(token, introspector).subject == "orders-service"

    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    assert is_revoked(rules, token)
    assert introspect(token, introspector) is None


def test_own_tokens_after_the_end_are_valid_earlier_ones_not(rules, own_token, introspect):
    old, introspector = own_token(), rules.client("introspector")
    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    new = own_token()

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)
    assert introspect(old, introspector) is None
    assert introspect(new, introspector).client_id == "orders-service"


def test_the_end_of_own_tokens_is_recorded_once(rules, own_token):
    own_token()
    with rules.store.transaction() as tx:
        for _ in range(2):
            end_sessions_of_client(tx, "orders-service", rules.clock(), by="somebody")

    with rules.store.reading() as tx:
        (entry,) = tx.audit.list_newest(AuditQuery(event="client_tokens_ended"), 10)
    assert (entry.event.actor, entry.event.client_id) == ("somebody", "orders-service")
    assert entry.event.detail == {"reason": "client_disabled"}


def test_a_client_that_its_file_disabled_loses_its_own_tokens(rules, own_token):
    token = own_token()
    rules.register("orders-service", enabled=False)

    ClientAdmin(rules.store, rules.clients, rules.clock).end_sessions_of_disabled()

    assert is_revoked(rules, token)


def test_an_own_token_revoked_by_its_client_is_ended(rules, own_token, revoke):
    old = own_token()
    revoke(old, rules.client("orders-service"))
    new = own_token()
    revoke(old, rules.client("orders-service"))

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)


def test_an_own_token_is_not_revoked_by_another_client(rules, own_token, revoke):
    token = own_token()

    revoke(token, rules.client("introspector"))
    with pytest.raises(InvalidClient):
        revoke(token, None)

    assert not is_revoked(rules, token)


def test_the_token_of_a_disabled_service_is_refused(rules, own_token, introspect):
    token = own_token()
    rules.register("orders-service", enabled=False)

    assert introspect(token, rules.client("introspector")) is None


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
    with rules.store.reading() as tx:
        (refused,) = tx.audit.list_newest(AuditQuery(event="password_changed"), 10)
    assert (refused.event.outcome, refused.event.session_id) == ("refused", session[0].sid)
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
