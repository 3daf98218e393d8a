"""JWT libraries of other projects accept our tokens by the published metadata, and refuse forged ones."""

import hmac
import json
from dataclasses import dataclass

import jwt
import pytest
from joserfc import jwt as jose
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from testkit.keys import b64
from testkit.token_signer import TokenSigner, claims_of, kid_of

pytestmark = pytest.mark.compose
AUDIENCE = "orders-service"
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]


@dataclass
class Case:
    jwks: str
    issuer: str
    good: dict
    forged: dict


def part(value):
    return b64(json.dumps(value).encode())


@pytest.fixture(scope="module")
def case(cluster, gateway, alice, bob, admin):
    """Tokens of several users, and forgeries that any verifier must refuse."""
    metadata = gateway("GET", "/.well-known/oauth-authorization-server").json()
    issuer, token = metadata["issuer"], alice.token
    kid, claims = kid_of(token), claims_of(token)
    head, body, signature = token.split(".")
    lookalike = TokenSigner(issuer=issuer, kid=kid)
    public = gateway("GET", "/.well-known/jwks.json").content
    confused = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{body}"
    forged = {
        "another key with the issuer's key ID": lookalike.sign(claims),
        "an unknown key": TokenSigner(issuer=issuer).sign(claims),
        "no algorithm": f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{body}.",
        "the JWKS as an HMAC secret": f"{confused}.{b64(hmac.digest(public, confused.encode(), 'sha256'))}",
        "another payload": f"{head}.{part({**claims, 'roles': ['admin']})}.{signature}",
        "another header": f"{part({'alg': 'RS256', 'kid': kid})}.{body}.{signature}",
        "a cut signature": f"{head}.{body}.{signature[:-8]}",
        "another audience": bob.log_in(resource="users-service")["access_token"],
    }
    good = {"alice": token, "bob": bob.token, "admin": admin.token}
    return Case(gateway.url + "/.well-known/jwks.json", issuer, good, forged)


def by_pyjwt(case):
    keys = jwt.PyJWKClient(case.jwks)

    def accepts(token):
        try:
            key = keys.get_signing_key_from_jwt(token)
            jwt.decode(
                token, key, ["RS256"], audience=AUDIENCE, issuer=case.issuer, options={"require": REQUIRED}
            )
        except jwt.PyJWTError:
            return False
        return True

    return accepts


def by_joserfc(case, gateway):
    keys = KeySet.import_key_set(gateway("GET", "/.well-known/jwks.json").json())
    rules = jose.JWTClaimsRegistry(
        iss={"essential": True, "value": case.issuer},
        aud={"essential": True, "value": AUDIENCE},
        **{name: {"essential": True} for name in ("sub", "exp", "iat", "jti", "client_id")},
    )

    def accepts(token):
        try:
            rules.validate(jose.decode(token, keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError):
            return False
        return True

    return accepts


def by_jose(case, run_node):
    tokens = [*case.good.values(), *case.forged.values()]
    question = {"jwks": case.jwks, "issuer": case.issuer, "audience": AUDIENCE, "tokens": tokens}
    verdicts = dict(zip(tokens, run_node("verify.mjs", question), strict=True))
    return lambda token: verdicts[token]["ok"]


@pytest.fixture(params=["PyJWT", "joserfc", "npm's jose"])
def accepts(request, case, gateway):
    """`accepts(token)`: whether the library accepts it."""
    if request.param == "PyJWT":
        return by_pyjwt(case)
    if request.param == "joserfc":
        return by_joserfc(case, gateway)
    return by_jose(case, request.getfixturevalue("run_node"))


def test_library_accepts_tokens(accepts, case):
    assert {name: accepts(token) for name, token in case.good.items()} == dict.fromkeys(case.good, True)


def test_library_refuses_forged_tokens(accepts, case):
    assert {name: accepts(token) for name, token in case.forged.items()} == dict.fromkeys(case.forged, False)


def test_metadata_names_jwks(gateway, case):
    metadata = gateway("GET", "/.well-known/openid-configuration").json()

    assert metadata["jwks_uri"] == f"{case.issuer}/.well-known/jwks.json"
    assert len(gateway("GET", "/.well-known/jwks.json").json()["keys"]) >= 1
