"""Client assertions and ID token hints are read as strictly as access tokens."""

import jwt
import pytest
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.signing import pem
from auth_service.signing.client_assertions import ClientAssertionReader, ClientKeys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from testkit.forgeries import json_text, serialization, signatures
from testkit.keys import make_rsa
from testkit.token_signer import MISSING

from .id_tokens import EXTENSIONS, IdTokens

ISSUER = "http://localhost:8080"


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
    reader = ClientAssertionReader(ClientKeys(folder))
    return lambda token: reader.verified(token, reader.issuer(token))["sub"]


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


@pytest.fixture
def assertions(keys_dir):
    return ClientAssertionReader(ClientKeys(keys_dir / "clients"))


def signed(key, alg="RS256", **claims):
    return jwt.encode({"iss": "orders-service", "exp": 1, **claims}, key, alg)


@pytest.fixture
def orders_key(keys_dir):
    return (keys_dir / "clients" / "orders-service.pem").read_text()


def unsigned():
    return jwt.encode({"iss": "orders-service"}, None, "none")


FORGED = {
    "another key": lambda key: signed(make_rsa()),
    "no signature": lambda key: unsigned(),
    "HS256": lambda key: signed("x" * 32, "HS256"),
    "RS512": lambda key: signed(key, "RS512"),
    "PS256": lambda key: signed(key, "PS256"),
    "not a token": lambda key: "x.y.z",
    "empty": lambda key: "",
    "cut short": lambda key: signed(key)[:-5],
    "beyond ASCII": lambda key: signed(key) + "é",
}


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


def test_assertion_by_client_key_is_accepted(assertions, orders_key):
    assertion = signed(orders_key, jti="one")

    assert assertions.issuer(assertion) == "orders-service"
    assert assertions.verified(assertion, "orders-service")["jti"] == "one"


@pytest.mark.parametrize("kind", FORGED)
def test_forged_assertion_is_refused(assertions, orders_key, kind):
    with pytest.raises(InvalidClient):
        assertions.verified(FORGED[kind](orders_key), "orders-service")


@pytest.mark.parametrize(
    "assertion", ["", "x", "a.b.c", "é", "x" * 8193, jwt.encode({"sub": "x"}, "k" * 32, "HS256")]
)
def test_malformed_assertion_has_no_issuer(assertions, assertion):
    with pytest.raises(InvalidClient):
        assertions.issuer(assertion)


def test_client_without_key_is_refused(assertions, orders_key, keys_dir):
    (keys_dir / "clients" / "orders-service.pub.pem").unlink()

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


@pytest.mark.parametrize(
    "content", [b"junk", pem.private_pem(make_rsa()), pem.public_pem(make_rsa(1024).public_key())]
)
def test_client_with_bad_key_is_refused(assertions, orders_key, keys_dir, content):
    (keys_dir / "clients" / "orders-service.pub.pem").write_bytes(content)

    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")


def test_new_client_key_counts_at_once(assertions, orders_key, keys_dir):
    assert assertions.verified(signed(orders_key), "orders-service")
    new = make_rsa(which=7)
    pem.write(keys_dir / "clients" / "orders-service.pub.pem", pem.public_pem(new.public_key()), 0o644)

    assert assertions.verified(signed(new), "orders-service")
    with pytest.raises(InvalidClient):
        assertions.verified(signed(orders_key), "orders-service")
