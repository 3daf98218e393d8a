"""ID tokens in token responses and as hints."""

import base64
import hashlib

import jwt
import pytest
from auth_service.domain.oauth.id_token import IdTokenHint, id_token_claims
from auth_service.domain.oauth.scopes import Grant
from auth_service.signing.token_verification import IdTokenHintReader
from testkit.keys import make_rsa

ISSUER = "http://localhost:8080"


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
    """`signed(header=…, key=…, **claims)`: an ID token of this issuer, with changes."""

    def make(header=(), key=None, algorithm="RS256", **claims):
        base = {"iss": ISSUER, "sub": "alice", "aud": "cli", "sid": "s", "exp": 1, "iat": 1}
        said = {name: value for name, value in (base | claims).items() if value is not None}
        headers = {"typ": "JWT", "kid": "own"} | dict(header)
        return jwt.encode(said, key or make_rsa(), algorithm, headers=headers)

    return make


@pytest.fixture
def hints():
    return IdTokenHintReader(ISSUER, {"own": make_rsa().public_key()}.get)


def test_expired_id_token_is_a_hint(hints, signed):
    assert hints.read(signed()) == IdTokenHint("alice", "cli", "s")
    assert hints.read(signed(sid=None)) == IdTokenHint("alice", "cli", None)


FOREIGN = {
    "an access token": {"header": {"typ": "at+jwt"}},
    "a token of another type": {"header": {"typ": "logout+jwt"}},
    "another issuer's": {"iss": "https://evil.example"},
    "one for several clients": {"aud": ["cli", "console"]},
    "one without a subject": {"sub": None},
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


def test_id_token_claims_without_nonce(opened, alice):
    session, access, _ = opened("openid")

    assert "nonce" not in id_token_claims(session, alice, frozenset(), access, issued_at=1, expires_at=2)
