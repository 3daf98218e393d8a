"""The authorization endpoint."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.client import GrantType
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.domain.opaque_tokens import digest_of
from auth_service.use_cases.accounts.browser_login import BeginBrowserSession
from auth_service.use_cases.accounts.login import PasswordCheck
from auth_service.use_cases.oauth.authorization_endpoint import (
    AuthorizationEndpoint,
    CodeIssued,
    ConsentNeeded,
    LoginNeeded,
)
from auth_service.use_cases.oauth.authorization_request import (
    AuthorizationRefused,
    AuthorizationRequestParser,
)

from ...fakes.registry import CUSTOMER_SCOPES

CALLBACK = "http://127.0.0.1:5000/callback"


@dataclass
class Hints:
    known: dict

    def read(self, id_token):
        return self.known.get(id_token)


@pytest.fixture
def partner(rules):
    return rules.register(
        "partner",
        name="Partner",
        grants=frozenset({GrantType.AUTHORIZATION_CODE}),
        redirect_uris=("http://127.0.0.1/callback",),
        audiences=frozenset({"orders-service"}),
        scopes=frozenset({"openid", "orders:read", "orders:write"}),
    )


@pytest.fixture
def hints():
    return Hints({})


@pytest.fixture
def authorize(rules, hints):
    return AuthorizationEndpoint(rules.store, hints, rules.clock)


@pytest.fixture
def enter(rules):
    return BeginBrowserSession(rules.store, PasswordCheck(rules.store, rules.hasher), rules.clock)


@pytest.fixture
def who(rules, alice, enter):
    return enter("alice@example.com", "password", None).user


@pytest.fixture
def asking(rules):
    """`asking(client_id, **parameters)`: a parsed request."""
    read = AuthorizationRequestParser(rules.store, rules.clients, "http://localhost:8080")

    def make(client_id="cli", **parameters):
        pairs = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        } | parameters
        return read(pairs.items())

    return make


def code_of(rules, step):
    code = dict(parse_qsl(urlsplit(step.location).query))["code"]
    with rules.store.reading() as tx:
        return tx.authorization_codes.find_by_digest(digest_of(code))


def error_of(refused):
    return refused.value.error.slug


def test_logged_in_user_gets_bound_code(rules, authorize, asking, who, clock):
    code = code_of(
        rules, authorize(asking(scope="openid orders:read", nonce="n", resource="orders-service"), who)
    )

    assert (code.client_id, code.sub, code.redirect_uri) == ("cli", who.account.sub, CALLBACK)
    assert (code.scopes, code.audiences, code.nonce) == ({"openid", "orders:read"}, ("orders-service",), "n")
    assert (code.methods, code.auth_time, code.browser_session) == (("pwd",), clock(), who.session.digest)
    assert code.expires_at == clock() + 60
    assert (code.used_at, code.sid) == (None, None)


def test_scope_absent_grants_the_default(rules, authorize, asking, who):
    assert code_of(rules, authorize(asking(), who)).scopes == CUSTOMER_SCOPES


def test_scope_beyond_account_is_left_out(rules, authorize, asking, who):
    step = authorize(asking(scope="openid orders:read admin"), who)

    assert code_of(rules, step).scopes == {"openid", "orders:read"}


def test_scope_only_beyond_account_is_denied(authorize, asking, who):
    with pytest.raises(AuthorizationRefused) as refused:
        authorize(asking(scope="admin users:read"), who)

    assert error_of(refused) == "access_denied"


def test_user_not_logged_in_has_to_log_in(authorize, asking):
    assert authorize(asking(), None) == LoginNeeded()


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_user_has_to_log_in_again(authorize, asking, who, prompt):
    assert authorize(asking(prompt=prompt), who) == LoginNeeded()


@pytest.mark.parametrize(
    ("max_age", "later", "again"), [("60", 59, False), ("60", 60, True), ("0", 0, False), ("0", 1, True)]
)
def test_max_age_bounds_the_login(authorize, asking, who, clock, max_age, later, again):
    clock.advance(later)

    assert isinstance(authorize(asking(max_age=max_age), who), LoginNeeded if again else CodeIssued)


def test_login_for_this_request_is_enough(authorize, asking, who):
    assert isinstance(authorize.after_login(asking(prompt="login", max_age="0"), who), CodeIssued)


@pytest.mark.parametrize("case", ["unknown", "too long ago"])
def test_prompt_none_without_login_is_refused(authorize, asking, who, clock, case):
    clock.advance(100)

    with pytest.raises(AuthorizationRefused) as refused:
        authorize(asking(prompt="none", max_age="50"), None if case == "unknown" else who)

    assert error_of(refused) == "login_required"


def test_prompt_none_with_login_gets_code(authorize, asking, who):
    assert isinstance(authorize(asking(prompt="none"), who), CodeIssued)


def test_third_party_needs_consent(authorize, asking, partner, who):
    assert authorize(asking("partner", scope="orders:read"), who) == ConsentNeeded(
        who, {"orders:read": "See your orders"}
    )


def test_prompt_none_without_consent_is_refused(authorize, asking, partner, who):
    with pytest.raises(AuthorizationRefused) as refused:
        authorize(asking("partner", prompt="none"), who)

    assert error_of(refused) == "consent_required"


def test_consent_is_remembered_and_grows(rules, authorize, asking, partner, who):
    authorize.after_consent(asking("partner", scope="orders:read"), who, frozenset({"orders:read"}))
    assert isinstance(authorize(asking("partner", scope="orders:read"), who), CodeIssued)
    assert isinstance(authorize(asking("partner", scope="orders:write"), who), ConsentNeeded)

    authorize.after_consent(asking("partner", scope="orders:write"), who, frozenset({"orders:write"}))

    assert isinstance(authorize(asking("partner", scope="orders:read orders:write"), who), CodeIssued)


def test_consent_is_recorded(rules, authorize, asking, partner, who):
    authorize.after_consent(asking("partner", scope="orders:read"), who, frozenset({"orders:read"}))

    with rules.store.reading() as tx:
        latest = tx.audit.list_newest(AuditQuery(), 1)[0]
    assert (latest.event, latest.subject, latest.client_id) == ("consent_given", who.account.sub, "partner")
    assert latest.detail == {"scope": "orders:read"}


def test_consent_covers_only_scopes_shown(authorize, asking, partner, who):
    step = authorize.after_consent(
        asking("partner", scope="orders:read orders:write"), who, frozenset({"orders:read"})
    )

    assert isinstance(step, ConsentNeeded)


def test_consent_is_per_account(rules, authorize, asking, partner, who, enter):
    authorize.after_consent(asking("partner", scope="orders:read"), who, frozenset({"orders:read"}))
    rules.account("bob@example.com")
    bob = enter("bob@example.com", "password", None).user

    assert isinstance(authorize(asking("partner", scope="orders:read"), bob), ConsentNeeded)


def test_prompt_consent_asks_again(authorize, asking, partner, who):
    authorize.after_consent(asking("partner", scope="orders:read"), who, frozenset({"orders:read"}))

    assert isinstance(authorize(asking("partner", scope="orders:read", prompt="consent"), who), ConsentNeeded)


def test_denial_goes_to_the_client(authorize, asking, partner):
    refused = authorize.after_denial(asking("partner", state="s"))

    assert (
        dict(parse_qsl(urlsplit(refused.address.error_uri(refused.error)).query))["error"] == "access_denied"
    )


def test_hint_of_another_user_needs_login(authorize, asking, who, hints):
    hints.known["bobs"] = IdTokenHint("bob", "cli", None)

    assert authorize(asking(id_token_hint="bobs"), who) == LoginNeeded()


def test_hint_of_another_user_is_never_answered(authorize, asking, who, hints):
    hints.known["bobs"] = IdTokenHint("bob", "cli", None)

    with pytest.raises(AuthorizationRefused) as refused:
        authorize.after_login(asking(id_token_hint="bobs"), who)

    assert error_of(refused) == "login_required"


def test_hint_of_same_user_changes_nothing(authorize, asking, who, hints):
    hints.known["hers"] = IdTokenHint(who.account.sub, "cli", None)

    assert isinstance(authorize(asking(id_token_hint="hers"), who), CodeIssued)


@pytest.mark.parametrize("more", [{}, {"prompt": "none"}])
@pytest.mark.parametrize("hint", ["made up", "hers at another client's"])
def test_hint_unreadable_requires_login(authorize, asking, who, hints, hint, more):
    hints.known["hers at another client's"] = IdTokenHint(who.account.sub, "console", None)

    with pytest.raises(AuthorizationRefused) as refused:
        authorize(asking(id_token_hint=hint, state="s", **more), who)

    assert error_of(refused) == "login_required"
    assert refused.value.address.state == "s"
