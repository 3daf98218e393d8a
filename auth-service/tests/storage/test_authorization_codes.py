"""Redeemed authorization codes, browser sessions and consents in every implementation of the store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.authorization_code import AuthorizationCode
from auth_service.domain.oauth.client import GrantType
from auth_service.domain.oauth.consent import Consent
from auth_service.domain.oauth.errors import InvalidGrant, InvalidTarget, UnauthorizedClient
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.browser_session import BrowserSession
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.oauth.authorization_code_grant import (
    AuthorizationCodeGrant,
    Redemption,
    verifier_fits,
)
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from auth_service.use_cases.sessions.end_sessions import end_all_sessions

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "http://127.0.0.1:5000/callback"
GOOD = Redemption("the-code", CALLBACK, VERIFIER)


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


@pytest.fixture
def keep(clock):
    """`keep(rules, **changes)`: an account, its browser session, and a code for them."""

    def make(rules, **changes):
        account = rules.account()
        browser = BrowserSession(
            digest_of(f"cookie of {account.sub}"), account.sub, ("pwd",), clock(), clock(), clock() + 43_200
        )
        code = AuthorizationCode(
            digest=digest_of("the-code"),
            client_id="cli",
            sub=account.sub,
            redirect_uri=CALLBACK,
            scopes=frozenset({"openid", "orders:read"}),
            audiences=("orders-service", "users-service"),
            code_challenge=CHALLENGE,
            methods=("pwd",),
            auth_time=clock() - 5,
            expires_at=clock() + 60,
            nonce="n",
            browser_session=browser.digest,
        )
        code = replace(code, **changes)
        with rules.store.transaction() as tx:
            tx.browser_sessions.add(browser)
            tx.authorization_codes.add(code)
        return code

    return make


@pytest.fixture
def code(rules, keep):
    return keep(rules)


@pytest.fixture
def redeem(rules):
    def call(redemption=GOOD, client_id="cli", **changes):
        return AuthorizationCodeGrant(rules.store, rules.token_issuer)(
            rules.client(client_id), replace(redemption, **changes)
        )

    return call


def stored(rules):
    with rules.store.reading() as tx:
        return tx.authorization_codes.find_by_digest(digest_of("the-code"))


def session_of(rules):
    return rules.session(stored(rules).sid)


def test_code_is_read_as_stored(rules, code):
    assert stored(rules) == code


def test_code_and_session_keep_requested_scopes(rules, keep, redeem):
    requested = frozenset({"openid", "orders:read", "admin"})
    code = keep(rules, requested=requested, nonce="n" * 5000)

    with rules.store.reading() as tx:
        assert tx.authorization_codes.find_by_digest(code.digest) == code
    redeem()

    with rules.store.reading() as tx:
        sid = tx.authorization_codes.find_by_digest(code.digest).sid
    assert rules.session(sid).requested == requested


def test_code_redeemed_opens_session(rules, code, redeem, clock):
    answer = redeem()

    session = session_of(rules)
    access, identity = rules.signer.claims[answer.access_token], rules.signer.claims[answer.id_token]
    assert (session.sub, session.client_id, session.browser_session) == (
        code.sub,
        "cli",
        code.browser_session,
    )
    assert (session.scopes, session.audiences) == (code.scopes, code.audiences)
    assert access["aud"] == ["orders-service", "users-service"]
    assert (access["scope"], access["auth_time"], access["sid"]) == (
        "openid orders:read",
        clock() - 5,
        session.sid,
    )
    assert (identity["nonce"], identity["aud"], identity["sid"]) == ("n", "cli", session.sid)
    assert answer.refresh_token
    assert stored(rules).used_at == clock()


def test_resource_narrows_one_token(rules, code, redeem):
    answer = redeem(audiences=("users-service",))

    assert rules.signer.claims[answer.access_token]["aud"] == "users-service"
    assert session_of(rules).audiences == code.audiences


def test_unrequested_resource_keeps_code_usable(rules, code, redeem):
    with pytest.raises(InvalidTarget):
        redeem(audiences=("auth-service",))

    assert redeem().access_token


FAILING = {
    "another redirect URI": {"redirect_uri": "http://127.0.0.1:5001/callback"},
    "no redirect URI": {"redirect_uri": None},
    "another verifier": {"verifier": VERIFIER[::-1]},
    "no verifier": {"verifier": None},
    "the challenge instead of the verifier": {"verifier": CHALLENGE},
    "a verifier that is too short": {"verifier": VERIFIER[:42]},
    "a verifier with a line break": {"verifier": VERIFIER + "\n"},
}


@pytest.mark.parametrize("case", FAILING)
def test_failed_redemption_uses_code_up(rules, code, redeem, case):
    with pytest.raises(InvalidGrant):
        redeem(**FAILING[case])

    assert stored(rules).sid is None
    with pytest.raises(InvalidGrant):
        redeem()


def test_other_clients_try_keeps_code_usable(rules, code, redeem):
    with pytest.raises(InvalidGrant):
        redeem(client_id="console")

    assert redeem().access_token


def test_other_clients_reuse_ends_no_session(rules, code, redeem):
    redeem()

    with pytest.raises(InvalidGrant):
        redeem(client_id="console")

    assert session_of(rules).ended_at is None


def test_code_reused_ends_its_session(rules, code, redeem):
    answer = redeem()
    other, _, _ = rules.open(rules.account())

    with pytest.raises(InvalidGrant):
        redeem()

    assert session_of(rules).end_reason == EndReason.CODE_REUSED
    assert rules.session(other.sid).ended_at is None
    with pytest.raises(InvalidGrant):
        rules.refresh(answer.refresh_token, None, None, ())
    with rules.store.reading() as tx:
        events = [entry.event for entry in tx.audit.list_newest(AuditQuery(), 10)]
    assert "code_reused" in events


def test_late_code_reuse_ends_session(rules, code, redeem, clock):
    redeem()
    clock.advance(3600)

    with pytest.raises(InvalidGrant):
        redeem()

    assert session_of(rules).end_reason == EndReason.CODE_REUSED


@pytest.mark.parametrize(("later", "good"), [(59.5, True), (60, False)])
def test_code_expires_after_one_minute(rules, code, redeem, clock, later, good):
    clock.advance(later)

    if good:
        assert redeem().access_token
    else:
        with pytest.raises(InvalidGrant):
            redeem()


def test_unknown_code_is_refused(rules, code, redeem):
    with pytest.raises(InvalidGrant):
        redeem(code="made-up")


def test_client_without_grant_is_refused(rules, code, redeem):
    rules.register("cli", grants=frozenset({GrantType.REFRESH_TOKEN}))

    with pytest.raises(UnauthorizedClient):
        redeem()


def test_code_of_disabled_account_is_refused(rules, code, redeem, clock):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(code.sub, clock())

    with pytest.raises(InvalidGrant):
        redeem()


def test_code_after_logout_is_refused(rules, code, redeem, clock):
    EndBrowserSession(rules.store, clock)(code.sub, code.browser_session)

    with pytest.raises(InvalidGrant):
        redeem()


def test_code_after_all_sessions_end_is_refused(rules, code, redeem, clock):
    with rules.store.transaction() as tx:
        end_all_sessions(tx, code.sub, EndReason.LOGGED_OUT_EVERYWHERE, clock())

    with pytest.raises(InvalidGrant):
        redeem()


def test_ending_other_sessions_keeps_browser(rules, code, redeem, clock):
    redeem()
    with rules.store.transaction() as tx:
        tx.browser_sessions.add(
            BrowserSession(digest_of("other"), code.sub, ("pwd",), clock(), clock(), clock() + 1)
        )

    with rules.store.transaction() as tx:
        end_all_sessions(tx, code.sub, EndReason.PASSWORD_CHANGED, clock(), but=stored(rules).sid)

    with rules.store.reading() as tx:
        assert tx.browser_sessions.find_by_digest(code.browser_session).is_active(clock())
        assert not tx.browser_sessions.find_by_digest(digest_of("other")).is_active(clock())


def test_logout_ends_sessions_of_one_browser(rules, code, redeem, clock):
    redeem()
    with rules.store.reading() as tx:
        account = tx.accounts.get(code.sub)
    elsewhere, _, _ = rules.open(account)

    EndBrowserSession(rules.store, clock)(code.sub, code.browser_session)

    assert session_of(rules).end_reason == EndReason.LOGGED_OUT
    assert rules.session(elsewhere.sid).ended_at is None


def test_session_logout_ends_its_browser(rules, code, redeem, clock):
    redeem()

    EndBrowserSession(rules.store, clock)(code.sub, None, stored(rules).sid)

    with rules.store.reading() as tx:
        assert not tx.browser_sessions.find_by_digest(code.browser_session).is_active(clock())
    assert session_of(rules).ended_at is not None


def test_logout_by_other_account_is_ignored(rules, code, redeem, clock):
    redeem()

    EndBrowserSession(rules.store, clock)("another-account", code.browser_session, stored(rules).sid)

    with rules.store.reading() as tx:
        assert tx.browser_sessions.find_by_digest(code.browser_session).is_active(clock())
    assert session_of(rules).ended_at is None


def test_browser_session_is_stored_and_ends_once(rules, clock):
    account = rules.account()
    session = BrowserSession(digest_of("c"), account.sub, ("pwd", "otp"), clock(), clock(), clock() + 1)
    with rules.store.transaction() as tx:
        tx.browser_sessions.add(session)
        assert tx.browser_sessions.find_by_digest(session.digest) == session
        assert tx.browser_sessions.find_by_digest(digest_of("other")) is None
        assert [tx.browser_sessions.mark_ended(session.digest, clock() + n) for n in (0, 1)] == [True, False]
        assert tx.browser_sessions.find_by_digest(session.digest) == replace(session, ended_at=clock())


def test_consent_is_stored_and_replaced(rules, clock):
    consent = Consent(rules.account().sub, "partner", frozenset({"orders:read", "openid"}), clock())
    with rules.store.transaction() as tx:
        assert tx.consents.get(consent.sub, "partner") is None
        tx.consents.save(consent)
    with rules.store.transaction() as tx:
        tx.consents.save(replace(consent, scopes=frozenset({"email"}), granted_at=clock() + 1))

    with rules.store.reading() as tx:
        kept = tx.consents.get(consent.sub, "partner")
        assert (kept.scopes, kept.granted_at) == ({"email"}, clock() + 1)


def test_parallel_redemptions_give_tokens_once(database, make_rules, keep):
    rules = make_rules(database)
    keep(rules)
    barrier = Barrier(50)

    def redeem(_):
        barrier.wait()
        try:
            return AuthorizationCodeGrant(database, rules.token_issuer)(rules.client(), GOOD)
        except InvalidGrant:
            return None

    with ThreadPoolExecutor(50) as pool:
        answers = [answer for answer in pool.map(redeem, range(50)) if answer is not None]

    assert len(answers) == 1
    assert session_of(rules).end_reason == EndReason.CODE_REUSED
    with database.reading() as tx:
        assert len(tx.sessions.list_active(stored(rules).sub, 0)) == 0


def test_used_code_is_kept_for_a_day(database, make_rules, keep, clock):
    rules = make_rules(database)
    keep(rules)
    clock.advance(86_400 + 59)
    database.prune(clock())
    assert stored(rules) is not None

    clock.advance(2)
    database.prune(clock())

    assert stored(rules) is None


def test_pruning_removes_old_browser_sessions(database, make_rules, keep, clock):
    rules = make_rules(database)
    code = keep(rules)
    clock.advance(43_201)

    database.prune(clock())

    with database.reading() as tx:
        assert tx.browser_sessions.find_by_digest(code.browser_session) is None


def test_pkce_example_of_rfc_7636_fits():
    assert verifier_fits(VERIFIER, CHALLENGE)
    assert not verifier_fits(VERIFIER, CHALLENGE[::-1])
