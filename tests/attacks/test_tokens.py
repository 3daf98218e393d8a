"""Access tokens that libraries accepted wrongly, sent to auth-service and to another service."""

import json
import zlib

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from testkit.keys import b64
from testkit.token_signer import claims_of

PLACES = {"auth-service": ("GET", "/oauth/userinfo"), "users-service": ("GET", "/users/me")}
FORMS = {
    "PEM": (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PKCS1": (Encoding.PEM, PublicFormat.PKCS1),
    "DER": (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "OpenSSH": (Encoding.OpenSSH, PublicFormat.OpenSSH),
}


@pytest.fixture(params=list(PLACES))
def refused(request, gateway):
    """`refused(token)`: whether one service refuses this token."""

    def send(token):
        method, path = PLACES[request.param]
        answer = gateway(method, path, token=token)
        return answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    return send


def hmac_signed(header, payload, secret):
    key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{signed}.{b64(key.sign(signed.encode(), secret))}"


def test_resigned_token_is_accepted(refused, stolen_key, alice):
    assert not refused(stolen_key.sign(claims_of(alice.token)))


@pytest.mark.parametrize("name", ["bork", "cnf", "exp", "b64", "x-custom-policy"])
def test_critical_extension_is_refused(refused, stolen_key, alice, name):
    """CVE-2025-59420 (Authlib), CVE-2026-32597 (PyJWT): unknown `crit` was ignored."""
    assert refused(stolen_key.sign(claims_of(alice.token), header={"crit": [name], name: True}))


@pytest.mark.parametrize("form", list(FORMS))
def test_public_key_as_hmac_secret_is_refused(refused, stolen_key, alice, form):
    """CVE-2016-10555, CVE-2022-29217 (PyJWT), CVE-2024-33663 (python-jose), CVE-2024-37568 (Authlib), CVE-2022-23541."""
    header = stolen_key.header(alg="HS256")
    secret = stolen_key.key.public_key().public_bytes(*FORMS[form])

    assert refused(hmac_signed(header, claims_of(alice.token), secret))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_unsigned_token_is_refused(refused, stolen_key, alice, algorithm):
    """CVE-2015-2951, CVE-2022-23540 (jsonwebtoken), CVE-2020-28042: `none`, and no signature at all."""
    header = json.dumps(stolen_key.header(alg=algorithm)).encode()

    assert refused(f"{b64(header)}.{b64(json.dumps(claims_of(alice.token)).encode())}.")
    assert refused(alice.token.rpartition(".")[0] + ".")


def test_embedded_key_is_refused(refused, stolen_key, alice):
    """CVE-2018-0114 (node-jose): the key was taken from the header."""
    own = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))
    headers = {"typ": "at+jwt", "kid": stolen_key.header()["kid"], "jwk": public}

    assert refused(jwt.encode(claims_of(alice.token), own, "RS256", headers=headers))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS512"])
def test_other_rsa_algorithm_is_refused(refused, stolen_key, alice, algorithm):
    """CVE-2022-23539 (jsonwebtoken): keys were used with other algorithms than theirs."""
    headers = {"typ": "at+jwt", "kid": stolen_key.header()["kid"]}

    assert refused(jwt.encode(claims_of(alice.token), stolen_key.key, algorithm, headers=headers))


def test_compressed_jwe_is_refused(refused):
    """CVE-2024-33664 (python-jose), CVE-2025-62706 (Authlib): a compressed JWE inflated without limit."""
    header = b64(b'{"alg":"dir","enc":"A128CBC-HS256","zip":"DEF"}')
    bomb = b64(zlib.compress(b"0" * 4_000_000, 9)[2:-4])

    assert refused(f"{header}..{b64(b'i' * 16)}.{bomb}.{b64(b't' * 16)}")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_overlong_token_is_refused(gateway, cluster, client_at, alice, part):
    """CVE-2025-61920 (Authlib): parts of any length were decoded."""
    parts = alice.token.split(".")
    parts[part] += "A" * 40_000

    for url in (cluster.urls["auth-service"], cluster.urls["users-service"], gateway.url):
        answer = client_at(url)("GET", "/users/me", token=".".join(parts))
        assert answer.status_code in (400, 401, 404, 431), url


def test_id_token_is_no_access_token(refused, app, confidential_client):
    """keycloak#51004: ID tokens were exchanged for access tokens."""
    id_token = app.log_in()["id_token"]

    assert refused(id_token)
    assert (
        confidential_client("orders-service").exchange(subject_token=id_token).json()["error"]
        == "invalid_request"
    )


@pytest.mark.parametrize(
    "changes", [{"subject_token": None}, {"subject_token": ""}, {"subject_token": "e30.e30.e30"}]
)
def test_exchange_without_subject_token_is_refused(confidential_client, changes):
    """CVE-2026-9704 (Keycloak): without a subject_token the client's own rights were granted."""
    answer = confidential_client("orders-service").exchange(**changes)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_exchange_of_foreign_audience_is_refused(confidential_client, alice):
    """keycloak#51004, keycloak#51000: the audience of the subject token was not checked."""
    elsewhere = alice.log_in(audience="users-service")["access_token"]

    answer = confidential_client("orders-service").exchange(subject_token=elsewhere)

    assert answer.json()["error"] == "invalid_request"


ASSERTIONS = {
    "CVE-2025-59420 (Authlib), CVE-2026-32597 (PyJWT)": {"headers": {"crit": ["x"], "x": 1}},
    "CVE-2022-23539 (jsonwebtoken)": {"algorithm": "RS512"},
    "CVE-2022-23539 (jsonwebtoken), PSS": {"algorithm": "PS256"},
    "CVE-2022-23541 (jsonwebtoken)": {"algorithm": "HS256", "key": "s" * 32},
    "CVE-2022-23540 (jsonwebtoken)": {"algorithm": "none", "key": ""},
    "another curve": {"algorithm": "ES256", "key": ec.generate_private_key(ec.SECP256R1())},
}


@pytest.mark.parametrize("case", list(ASSERTIONS))
def test_malformed_client_assertion_is_refused(confidential_client, case):
    """The identifiers are in ASSERTIONS."""
    client = confidential_client("orders-service")

    answer = client.client_credentials(client_assertion=client.assertion(**ASSERTIONS[case]))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_client_public_key_as_secret_is_refused(confidential_client, cluster):
    """CVE-2016-10555, CVE-2024-33663 (python-jose), CVE-2024-37568 (Authlib): at the token endpoint."""
    client = confidential_client("orders-service")
    secret = (cluster.keys_dir / "clients" / "orders-service.pub.pem").read_bytes()
    claims = jwt.decode(client.assertion(), options={"verify_signature": False})

    answer = client.client_credentials(
        client_assertion=hmac_signed({"alg": "HS256", "typ": "JWT"}, claims, secret)
    )

    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk_set_url"])
def test_url_in_request_is_not_fetched(confidential_client, app, listener, name):
    """CVE-2026-4874 (Keycloak), CVE-2026-22752 (Spring Authorization Server): URLs in requests were fetched."""
    client = confidential_client("orders-service")
    names = ("client_session_host", "jwks_uri", "logo_uri", "sector_identifier_uri", "request_uri", name)
    extra = dict.fromkeys(names, listener.url)

    client.client_credentials(client_assertion=client.assertion(headers={name: listener.url}), **extra)
    app.refresh(app.log_in()["refresh_token"], **extra)
    app.browser.get(app.authorization_url(**extra))

    assert listener.received == []
