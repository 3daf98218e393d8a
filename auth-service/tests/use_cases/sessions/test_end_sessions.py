"""Every way in which a session ends."""

from dataclasses import replace
from pathlib import Path

import auth_service
import pytest
from auth_service.adapters.registry_files import FileClients
from auth_service.domain.accounts.one_time_token import OneTimeToken, Purpose
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.errors import InvalidGrant, InvalidRequest
from auth_service.domain.oauth.registry import Audience, Role
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import PasswordReset, password_digest
from auth_service.use_cases.admin.accounts import AccountAdmin
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.use_cases.admin.roles import RoleAdmin
from auth_service.use_cases.admin.sessions import SessionAdmin
from auth_service.use_cases.oauth.authorization_code_grant import AuthorizationCodeGrant, Redemption
from auth_service.use_cases.oauth.revocation import Revocation
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.logout import Logout
from auth_service.use_cases.sessions.own_sessions import OwnSessions


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
    with rules.store.transaction() as tx:  # enabling the account revives no session
        tx.accounts.set_disabled(session[0].sub, None)


def by_disabling_the_client(rules, session):
    rules.store.rows["clients"]["cli"] = rules.client("cli")
    ClientAdmin(rules.store, FileClients([]), rules.clock).disable("cli")


def by_disabling_the_client_in_its_file(rules, session):
    disabled = FileClients([replace(rules.client("cli"), enabled=False)])
    ClientAdmin(rules.store, disabled, rules.clock).end_sessions_of_disabled()


def by_an_administrator(rules, session):
    SessionAdmin(rules.store, rules.clock).end(session[0].sid, "an-admin")


def by_removing_an_audience(rules, session):
    with rules.store.transaction() as tx:
        tx.registry.save_audience(Audience("my-app"), rules.clock())
        tx.sessions.set_grant(session[0].sid, session[0].scopes, ("my-app", "users-service"))
    AudienceAdmin(rules.store, rules.clock).remove("my-app", force=True)


def by_removing_a_role(rules, session):
    with rules.store.transaction() as tx:
        tx.registry.save_role(Role("helper"), rules.clock())
        tx.accounts.set_roles(session[0].sub, frozenset({"customer", "helper"}))
    RoleAdmin(rules.store, rules.clock).remove("helper", force=True)


WAYS = {
    by_removing_an_audience: "audience_removed",
    by_removing_a_role: "role_removed",
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
        log = tx.audit.list_newest(AuditQuery(event="session_ended"), 100)
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
