"""OpenID Connect: what ID tokens say, which ones come back as hints, userinfo, and log-out by a client."""

import base64
import hashlib
from dataclasses import replace

import jwt
import pytest
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest, InvalidToken, MissingScope
from auth_service.domain.oauth.id_token import IdTokenHint, id_token_claims
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.browser_session import BrowserSession, BrowserUser
from auth_service.domain.sessions.errors import SessionOver
from auth_service.signing.token_verification import OwnIdTokens
from auth_service.use_cases.oauth.rp_initiated_logout import LogoutRequestParser, RpInitiatedLogout
from auth_service.use_cases.oauth.userinfo import UserInfo
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession
from testkit.keys import make_rsa

ISSUER = "http://localhost:8080"


@pytest.fixture
def alice(rules):
    return rules.account("alice@example.com", name="Alice", email_verified_at=1.0)


@pytest.fixture
def opened(rules, alice):
    """`opened(*scopes)`: (session, access token, ID token claims) of a log-in with these scopes."""

    def make(*scopes, account=alice, nonce=None):
        grant = Grant(frozenset(scopes), ("auth-service", "orders-service"))
        with rules.store.transaction() as tx:
            session = rules.token_issuer.open_session(
                tx, account, rules.client(), grant, methods=("pwd",)
            ).session
        answer = rules.token_issuer.issue_for_session(session, account, grant, None, nonce=nonce)
        return session, answer.access_token, rules.signer.claims.get(answer.id_token)

    return make


def test_id_token_describes_login_alone(opened, alice, clock):
    session, access, claims = opened("openid", "orders:read", nonce="n")

    half = hashlib.sha256(access.encode()).digest()[:16]
    assert claims == {
        "iss": ISSUER,
        "sub": alice.sub,
        "aud": "cli",
        "exp": clock() + 300,
        "iat": clock(),
        "auth_time": clock(),
        "nonce": "n",
        "acr": "urn:touchstone:acr:single-factor",
        "amr": ["pwd"],
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        "sid": session.sid,
    }


def test_id_token_of_profile_and_email_scopes(opened):
    _, _, claims = opened("openid", "profile", "email")

    assert (claims["name"], claims["email"], claims["email_verified"]) == ("Alice", "alice@example.com", True)


def test_id_token_states_unverified_email(rules, opened):
    _, _, claims = opened("openid", "email", account=rules.account("new@example.com", email_verified_at=None))

    assert claims["email_verified"] is False


def test_id_token_needs_the_openid_scope(opened):
    assert opened("profile", "orders:read")[2] is None


def test_id_token_type_differs_from_access_token(rules, opened):
    _, access, claims = opened("openid")

    identity = next(token for token, said in rules.signer.claims.items() if said is claims)
    assert identity.startswith("JWT-")
    assert access.startswith("at+jwt-")


def test_refresh_returns_id_token_without_nonce(rules, alice, clock):
    grant = Grant(frozenset({"openid", "orders:read"}), ("orders-service",))
    session, token, _ = rules.open(alice, grant=grant)
    clock.advance(50)

    answer = rules.refresh(token, None, None, ())

    claims = rules.signer.claims[answer.id_token]
    assert (claims["auth_time"], claims["iat"], claims["sid"]) == (clock() - 50, clock(), session.sid)
    assert "nonce" not in claims


def test_refresh_without_openid_returns_no_id_token(rules, alice):
    grant = Grant(frozenset({"openid", "orders:read"}), ("orders-service",))
    _, token, _ = rules.open(alice, grant=grant)

    assert rules.refresh(token, None, frozenset({"orders:read"}), ()).id_token is None


@pytest.fixture
def signed():
    """`signed(header=…, key=…, **claims)`: an ID token, as we would have made it or not."""

    def make(header=(), key=None, algorithm="RS256", **claims):
        base = {"iss": ISSUER, "sub": "alice", "aud": "cli", "sid": "s", "exp": 1, "iat": 1}
        said = {name: value for name, value in (base | claims).items() if value is not None}
        headers = {"typ": "JWT", "kid": "ours"} | dict(header)
        return jwt.encode(said, key or make_rsa(), algorithm, headers=headers)

    return make


@pytest.fixture
def hints():
    return OwnIdTokens(ISSUER, {"ours": make_rsa().public_key()}.get)


def test_expired_id_token_is_a_hint(hints, signed):
    assert hints.read(signed()) == IdTokenHint("alice", "cli", "s")
    assert hints.read(signed(sid=None)) == IdTokenHint("alice", "cli", None)


FOREIGN = {
    "an access token": {"header": {"typ": "at+jwt"}},
    "a token of another type": {"header": {"typ": "logout+jwt"}},
    "another issuer's": {"iss": "https://evil.example"},
    "one for several clients": {"aud": ["cli", "console"]},
    "one about nobody": {"sub": None},
    "one with an unknown key": {"header": {"kid": "other"}},
    "one whose key has no text for a name": {"header": {"kid": ""}},
    "one signed with a secret": {"key": "s" * 64, "algorithm": "HS256"},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_is_no_hint(hints, signed, case):
    assert hints.read(signed(**FOREIGN[case])) is None


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 9000, "é.é.é", "eyJhbGciOiJub25lIn0.e30."])
def test_text_that_is_no_token_is_no_hint(hints, token):
    assert hints.read(token) is None


def test_tampered_id_token_is_no_hint(hints, signed):
    head, _, signature = signed().split(".")
    other = signed(sub="bob").split(".")[1]

    assert hints.read(f"{head}.{other}.{signature}") is None


@pytest.fixture
def user_info(rules):
    return UserInfo(rules.store, rules.reader, rules.clock)


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (("openid",), {}),
        (("openid", "profile"), {"name": "Alice"}),
        (("openid", "email"), {"email": "alice@example.com", "email_verified": True}),
    ],
)
def test_userinfo_returns_claims_of_scopes(opened, user_info, alice, scopes, told):
    assert user_info(opened(*scopes)[1]) == {"sub": alice.sub} | told


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


class Known:
    """The domain's HintReader that knows two tokens."""

    def read(self, id_token):
        return {"hers": IdTokenHint("alice", "app", "s"), "his": IdTokenHint("bob", "app", None)}.get(
            id_token
        )


@pytest.fixture
def read_log_out(rules):
    rules.register("app", post_logout_redirect_uris=("https://app.example/bye", "http://127.0.0.1/bye"))
    rules.register("off", post_logout_redirect_uris=("https://off.example/bye",), enabled=False)
    use_case = LogoutRequestParser(rules.clients, Known(), ISSUER)
    return lambda **parameters: use_case(parameters.items())


@pytest.fixture
def signed_in(rules):
    account = replace(rules.account("a@example.com"), sub="alice")
    return BrowserUser(BrowserSession(digest_of("c"), "alice", ("pwd",), 0, 0, 1), account)


def test_logout_redirects_with_state(read_log_out):
    request = read_log_out(
        id_token_hint="hers", post_logout_redirect_uri="https://app.example/bye", state="s s"
    )

    assert request.redirect_uri == "https://app.example/bye?state=s+s"


def test_logout_state_can_be_long(read_log_out):
    request = read_log_out(
        client_id="app", post_logout_redirect_uri="https://app.example/bye", state="s" * 5000
    )

    assert request.redirect_uri == f"https://app.example/bye?state={'s' * 5000}"


def test_logout_hint_unreadable_names_no_client(read_log_out, signed_in):
    request = read_log_out(id_token_hint="made up", post_logout_redirect_uri="https://app.example/bye")

    assert (request.redirect_uri, request.needs_confirmation(signed_in)) == (None, True)


def test_logout_client_named_without_hint(read_log_out):
    request = read_log_out(client_id="app", post_logout_redirect_uri="http://127.0.0.1:5000/bye")

    assert request.redirect_uri == "http://127.0.0.1:5000/bye"


NOWHERE = {
    "an address that is not registered": {
        "id_token_hint": "hers",
        "post_logout_redirect_uri": "https://evil.example/",
    },
    "an address without a client": {"post_logout_redirect_uri": "https://app.example/bye"},
    "an address of an unknown client": {
        "client_id": "nobody",
        "post_logout_redirect_uri": "https://app.example/bye",
    },
    "an address of a disabled client": {
        "client_id": "off",
        "post_logout_redirect_uri": "https://off.example/bye",
    },
    "a hint of another client than the one named": {"id_token_hint": "hers", "client_id": "cli"},
}


@pytest.mark.parametrize("case", NOWHERE)
def test_logout_has_no_redirect_for(read_log_out, case):
    with pytest.raises(InvalidAuthorizationRequest):
        read_log_out(**NOWHERE[case])


def test_logout_parameter_twice_is_refused(rules):
    with pytest.raises(InvalidAuthorizationRequest):
        LogoutRequestParser(rules.clients, Known(), ISSUER)([("state", "a"), ("state", "b")])


@pytest.mark.parametrize(
    ("hint", "there", "asked"),
    [
        ("hers", True, False),
        ("his", True, True),
        ("made up", True, True),
        (None, True, True),
        ("hers", False, False),
        (None, False, False),
    ],
)
def test_logout_asks_unless_id_token_names_user(
    read_log_out, signed_in, hint, there, asked
):
    request = read_log_out(**({"id_token_hint": hint} if hint else {}))

    assert request.needs_confirmation(signed_in if there else None) is asked


def test_logout_hint_without_cookie_ends_session(rules, opened, clock):
    session, _, _ = opened("openid")
    request = replace(
        LogoutRequestParser(rules.clients, Known(), ISSUER)([]),
        hint=IdTokenHint(session.sub, "cli", session.sid),
    )

    RpInitiatedLogout(EndBrowserSession(rules.store, clock))(request, None)

    assert rules.session(session.sid).ended_at == clock()


def test_logout_without_hint_and_cookie_does_nothing(rules, opened, read_log_out, clock):
    session, _, _ = opened("openid")

    RpInitiatedLogout(EndBrowserSession(rules.store, clock))(read_log_out(), None)

    assert rules.session(session.sid).ended_at is None


def test_id_token_claims_without_nonce(opened, alice):
    session, access, _ = opened("openid")

    assert "nonce" not in id_token_claims(session, alice, frozenset(), access, issued_at=1, expires_at=2)
