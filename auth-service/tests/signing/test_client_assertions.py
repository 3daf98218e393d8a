"""Client assertions and ID token hints are read as strictly as access tokens."""

import pytest
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.oauth.id_token import IdTokenHint
from auth_service.signing.client_assertions import ClientKeys, JwtAssertions
from auth_service.signing.token_verification import OwnIdTokens
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from testkit.forgeries import json_text, serialization, signatures
from testkit.keys import make_rsa
from testkit.token_signer import MISSING, TokenSigner

ISSUER = "http://localhost:8080"
LONGEST_TOKEN, LONGEST_HINT = 8192, 16 * 1024  # a hint holds what a client chose: its nonce
EXTENSIONS = (
    {"crit": ["exp"]},
    {"b64": True},
    {"zip": "DEF"},
    {"alg": "none"},
    {"alg": "RS512"},
    {"alg": MISSING},
)


class IdTokens(TokenSigner):
    """Makes ID tokens where its base makes access tokens."""

    def header(self, **overrides):
        return super().header(**{"typ": "JWT"} | overrides)

    def claims(self, **overrides):
        return super().claims(aud="cli", **overrides)


class Assertions(IdTokens):
    """Makes the assertions of a client."""

    def claims(self, **overrides):
        return super().claims(**{"iss": "billing", "sub": "billing"} | overrides)


@pytest.fixture(scope="module")
def read_assertion(tmp_path_factory):
    """`read_assertion(token)`: return its client after both steps of the port, or raise InvalidClient."""
    folder = tmp_path_factory.mktemp("clients")
    public = make_rsa().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "billing.pub.pem").write_bytes(public)
    reader = JwtAssertions(ClientKeys(folder))
    return lambda token: reader.verified(token, reader.issuer(token))["sub"]


@pytest.fixture(scope="module")
def read_hint():
    return OwnIdTokens(ISSUER, {"ours": make_rsa().public_key()}.get).read


def forged(token_signer):
    """Yield the name and the token of each forgery whose fault is its form or its signature."""
    for kind in (serialization, json_text, signatures):
        yield from kind.forge(token_signer)
    for extension in EXTENSIONS:
        yield f"the header's {extension}", token_signer.sign(header=extension)
    good = token_signer.sign()
    for name, tail in {
        "padding": "==",
        "a newline": "\n",
        "a blank": " ",
        "NUL": "\0",
        "half a surrogate": "\ud800",
    }.items():
        yield f"{name} at the end", good + tail


def test_forged_client_assertion_is_refused(read_assertion):
    token_signer = Assertions(ISSUER, make_rsa(), kid="any")
    assert read_assertion(token_signer.sign()) == "billing"

    accepted = []
    for name, token in forged(token_signer):
        try:
            read_assertion(token)
        except InvalidClient:
            continue
        accepted.append(name)

    assert accepted == []


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", MISSING])
def test_assertion_of_known_type_is_accepted(read_assertion, typ):
    assert read_assertion(Assertions(ISSUER, make_rsa()).sign(header={"typ": typ})) == "billing"


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "statuslist+jwt", "secevent+jwt", "", None, 1, ["JWT"], {}]
)
def test_assertion_of_other_type_is_refused(read_assertion, typ):
    with pytest.raises(InvalidClient):
        read_assertion(Assertions(ISSUER, make_rsa()).sign(header={"typ": typ}))


def test_forged_id_token_hint_is_ignored(read_hint):
    token_signer = IdTokens(ISSUER, make_rsa(), kid="ours")
    assert read_hint(token_signer.sign()) == IdTokenHint(
        token_signer.claims()["sub"], "cli", token_signer.claims()["sid"]
    )

    tokens = [
        (name, token)
        for name, token in forged(token_signer)
        if not LONGEST_TOKEN < len(token) <= LONGEST_HINT
    ]
    assert [name for name, token in tokens if read_hint(token) is not None] == []
