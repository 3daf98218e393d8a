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
def test_end_stops_refresh_exchange_and_own_access(rules, alice, session, introspect, way):
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
def test_end_sets_its_status_bit_alone(rules, session, way):
    other, _, _ = rules.open(rules.account(), "console")

    way(rules, session)

    with rules.store.reading() as tx:
        bits = tx.statuses.changes_since(None).bits
    assert (*session[0].status, True) in bits
    assert (*other.status, True) not in bits


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_end_is_recorded_once(rules, session, way):
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
def test_cause_of_end_is_recorded(rules, session, way, event):
    way(rules, session)

    with rules.store.reading() as tx:
        assert len(tx.audit.list_newest(AuditQuery(event=event), 100)) == 1


def test_every_end_reason_is_covered():
    assert set(WAYS.values()) == {str(reason) for reason in EndReason}


def test_mark_ended_has_one_caller():
    package = Path(auth_service.__file__).parent
    calls = [
        path.name
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if "sessions.mark_ended(" in line and "browser_sessions" not in line
    ]

    assert calls == ["end_sessions.py"]


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
    for way in (log_out, log_out.everywhere):
        with pytest.raises(SessionOver):
            way(alice.sub, sid)


def test_logout_of_another_account_is_refused(rules, session, log_out):
    with pytest.raises(SessionOver):
        log_out(rules.account().sub, session[0].sid)


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


def test_introspection_for_served_audience(rules, session, introspect):
    found = introspect(session[2], rules.client("orders-service"))

    assert (found.subject, found.session_id) == (session[0].sub, session[0].sid)


def test_introspection_of_other_audience_is_inactive(rules, alice, introspect):
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


def test_client_tokens_share_one_status(rules, own_token):
    other = rules.register(
        "billing", confidential=True, grants=frozenset({"client_credentials"}),
        own_scopes=frozenset({"users:read"}), audiences=frozenset({"users-service"}),
    )  # fmt: skip

    statuses = [own_status(rules, own_token(client)) for client in ["orders-service"] * 3 + [other.client_id]]

    assert len(set(statuses[:3])) == 1
    assert statuses[3] != statuses[0]


def test_client_token_is_active_until_revoked(rules, own_token, introspect):
    token, introspector = own_token(), rules.client("introspector")
    assert introspect(token, introspector).subject == "orders-service"

    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    assert is_revoked(rules, token)
    assert introspect(token, introspector) is None


def test_client_token_after_revocation_is_valid(rules, own_token, introspect):
    old, introspector = own_token(), rules.client("introspector")
    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    new = own_token()

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)
    assert introspect(old, introspector) is None
    assert introspect(new, introspector).client_id == "orders-service"


def test_client_token_end_is_recorded_once(rules, own_token):
    own_token()
    with rules.store.transaction() as tx:
        for _ in range(2):
            end_sessions_of_client(tx, "orders-service", rules.clock(), by="somebody")

    with rules.store.reading() as tx:
        (entry,) = tx.audit.list_newest(AuditQuery(event="client_tokens_ended"), 10)
    assert (entry.event.actor, entry.event.client_id) == ("somebody", "orders-service")
    assert entry.event.detail == {"reason": "client_disabled"}


def test_client_disabled_in_file_loses_tokens(rules, own_token):
    token = own_token()
    rules.register("orders-service", enabled=False)

    ClientAdmin(rules.store, rules.clients, rules.clock).end_sessions_of_disabled()

    assert is_revoked(rules, token)


def test_client_token_revoked_by_client(rules, own_token, revoke):
    old = own_token()
    revoke(old, rules.client("orders-service"))
    new = own_token()
    revoke(old, rules.client("orders-service"))

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)


def test_client_token_not_revoked_by_another_client(rules, own_token, revoke):
    token = own_token()

    revoke(token, rules.client("introspector"))
    with pytest.raises(InvalidClient):
        revoke(token, None)

    assert not is_revoked(rules, token)


def test_introspection_of_disabled_client_is_inactive(rules, own_token, introspect):
    token = own_token()
    rules.register("orders-service", enabled=False)

    assert introspect(token, rules.client("introspector")) is None


@pytest.mark.parametrize("client_id", [None, "cli"])
def test_introspection_needs_authenticated_client(rules, session, introspect, client_id):
    with pytest.raises(InvalidClient):
        introspect(session[2], rules.client(client_id) if client_id else None)


def test_introspection_of_disabled_account_is_inactive(rules, alice, session, introspect):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    assert introspect(session[2], rules.client("introspector")) is None


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
    assert (refused.event.outcome, refused.event.session_id) == ("refused", session[0].sid)
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
