"""Token endpoint, revocation and introspection over HTTP."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from ..helpers import ALICE, claims_of, error_of, refresh

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def alice(client):
    return client.post("/login", json=ALICE).get_json()


@pytest.fixture
def proof(keys_dir, clock):
    """`proof(client_id)`: the form fields with an assertion of this client."""

    def make(client_id, key_of=None, **claims):
        key = (keys_dir / "clients" / f"{key_of or client_id}.pem").read_text()
        base = {"iss": client_id, "sub": client_id, "aud": "http://localhost:8080", "jti": uuid.uuid4().hex}
        assertion = jwt.encode(base | {"exp": clock() + 60} | claims, key, "RS256")
        return {"client_assertion_type": ASSERTION, "client_assertion": assertion}

    return make


@pytest.fixture
def token(client):
    return lambda **form: client.post("/oauth/token", data=form)


def access_token(answer):
    return claims_of(answer.get_json()["access_token"])


def test_refresh_rotates_token(token, alice):
    answer = token(grant_type="refresh_token", refresh_token=alice["refresh_token"], client_id="cli")

    assert answer.status_code == 200
    assert answer.get_json()["refresh_token"] != alice["refresh_token"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_concurrent_refreshes_get_one_successor(app, alice):
    def rotate(_):
        form = {"grant_type": "refresh_token", "refresh_token": alice["refresh_token"]}
        return app.test_client().post("/oauth/token", data=form).get_json()["refresh_token"]

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(rotate, range(50)))) == 1


def test_service_gets_client_credentials_token(token, proof):
    answer = token(grant_type="client_credentials", audience="users-service", **proof("orders-service"))

    assert answer.status_code == 200
    assert (access_token(answer)["sub"], access_token(answer)["scope"]) == ("orders-service", "users:read")


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_service_exchanges_user_token(token, proof, alice, name):
    form = {"subject_token": alice["access_token"], "subject_token_type": ACCESS_TOKEN, name: "users-service"}

    answer = token(grant_type=EXCHANGE, requested_token_type=ACCESS_TOKEN, **form, **proof("orders-service"))

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["issued_token_type"] == ACCESS_TOKEN
    assert access_token(answer)["act"] == {"sub": "orders-service"}
    assert jwt.get_unverified_header(answer.get_json()["access_token"])["typ"] == "at+jwt"


@pytest.mark.parametrize(
    "change",
    [
        {"subject_token": ""},
        {"subject_token_type": ""},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x"},
        {"audience": ""},
        {"resource": "orders-service"},
    ],
)
def test_malformed_exchange_is_invalid_request(token, proof, alice, change):
    form = {
        "subject_token": alice["access_token"],
        "subject_token_type": ACCESS_TOKEN,
        "audience": "users-service",
    }

    answer = token(grant_type=EXCHANGE, **form | change, **proof("orders-service"))

    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://localhost:8080/oauth/token",
        "http://127.0.0.1:8081",
        "http://127.0.0.1:8081/oauth/token",
    ],
)
def test_assertion_audience_may_be_any_issuer_url(token, proof, url):
    assert token(grant_type="client_credentials", **proof("orders-service", aud=url)).status_code == 200


UNPROVEN = {
    "nothing": lambda proof: {},
    "a client_id alone": lambda proof: {"client_id": "orders-service"},
    "a secret": lambda proof: {"client_id": "orders-service", "client_secret": "x"},
    "another client's key": lambda proof: proof("orders-service", key_of="introspector"),
    "another issuer": lambda proof: proof("orders-service", aud="http://elsewhere.example"),
    "another type": lambda proof: proof("orders-service") | {"client_assertion_type": "urn:x"},
    "another client_id": lambda proof: proof("orders-service") | {"client_id": "introspector"},
    "no JWT": lambda proof: {"client_assertion_type": ASSERTION, "client_assertion": "x"},
}


@pytest.mark.parametrize("kind", UNPROVEN)
def test_unproven_client_is_401_with_challenge(token, proof, kind):
    answer = token(grant_type="client_credentials", **UNPROVEN[kind](proof))

    assert error_of(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="touchstone", charset="UTF-8"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_assertion_is_used_once(token, proof):
    form = proof("orders-service")

    assert token(grant_type="client_credentials", **form).status_code == 200
    assert token(grant_type="client_credentials", **form).get_json()["error"] == "invalid_client"


@pytest.mark.parametrize("missing", ["client_assertion", "client_assertion_type"])
def test_half_an_assertion_is_invalid_request(token, proof, missing):
    form = proof("orders-service")
    del form[missing]

    assert token(grant_type="client_credentials", **form).get_json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("x" * 5000, "unsupported_grant_type"),
        ("", "invalid_request"),
        ("refresh_token", "invalid_request"),
    ],
)
def test_unsupported_or_empty_grant_is_refused(token, grant, error):
    answer = token(grant_type=grant)

    assert error_of(answer) == (400, error)


BODIES = {
    "a name twice": (b"grant_type=refresh_token&grant_type=refresh_token", None),
    "bytes beyond ASCII": (b"grant_type=\xff", None),
    "escapes that are no UTF-8": (b"grant_type=%ff", None),
    "too many fields": (b"&".join(b"a%d=1" % n for n in range(60)), None),
    "nothing": (b"", None),
    "JSON": (b'{"grant_type": "refresh_token"}', "application/json"),
    "multipart": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    "plain text": (b"grant_type=refresh_token", "text/plain"),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_malformed_form_is_invalid_request(client, path, kind):
    body, content_type = BODIES[kind]

    answer = client.post(path, data=body, content_type=content_type or "application/x-www-form-urlencoded")

    assert error_of(answer) == (400, "invalid_request")


def test_oversized_form_is_413(client):
    body = b"a=" + b"x" * 70_000

    assert (
        client.post("/oauth/token", data=body, content_type="application/x-www-form-urlencoded").status_code
        == 413
    )


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("named", [{"client_id": "cli"}, {}])
def test_revocation_of_either_token_ends_session(client, token, alice, which, named):
    answer = client.post("/oauth/revoke", data={"token": alice[which], "token_type_hint": which, **named})

    assert (answer.status_code, answer.data) == (200, b"")
    assert token(grant_type="refresh_token", refresh_token=alice["refresh_token"]).status_code == 400


@pytest.mark.parametrize("what", ["x", "x.y.z", "é"])
def test_revocation_of_unknown_token_is_200(client, what):
    assert client.post("/oauth/revoke", data={"token": what, "client_id": "cli"}).status_code == 200


def test_revocation_by_other_client_does_nothing(client, token, alice):
    assert (
        client.post(
            "/oauth/revoke", data={"token": alice["refresh_token"], "client_id": "console"}
        ).status_code
        == 200
    )

    assert token(grant_type="refresh_token", refresh_token=alice["refresh_token"]).status_code == 200


def test_introspection_returns_claims(client, proof, alice):
    answer = client.post("/oauth/introspect", data={"token": alice["access_token"], **proof("introspector")})

    claims = claims_of(alice["access_token"])
    del claims["status"]  # a client that introspects needs no status list
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {**claims, "active": True, "token_type": "Bearer"}


def test_introspection_returns_actor(client, token, proof, alice):
    form = {
        "subject_token": alice["access_token"],
        "subject_token_type": ACCESS_TOKEN,
        "audience": "users-service",
    }
    exchanged = token(grant_type=EXCHANGE, **form, **proof("orders-service")).get_json()["access_token"]

    answer = client.post("/oauth/introspect", data={"token": exchanged, **proof("introspector")})

    assert answer.get_json()["act"] == {"sub": "orders-service"}


def test_introspection_of_inactive_token(client, proof, alice):
    client.post("/logout", headers={"Authorization": f"Bearer {alice['access_token']}"})
    for what in (alice["access_token"], alice["refresh_token"], "x"):
        answer = client.post("/oauth/introspect", data={"token": what, **proof("introspector")})
        assert answer.get_json() == {"active": False}


@pytest.mark.parametrize("named", [{}, {"client_id": "cli"}, {"client_id": "introspector"}])
def test_introspection_needs_authentication(client, alice, named):
    answer = client.post("/oauth/introspect", data={"token": alice["access_token"], **named})

    assert error_of(answer) == (401, "invalid_client")


def test_refresh_returns_new_id_token(sign_in, redeem, client):
    tokens = redeem(sign_in(nonce="n").location).get_json()

    again = refresh(client, tokens).get_json()

    assert claims_of(again["id_token"])["sid"] == claims_of(tokens["id_token"])["sid"]
    assert "nonce" not in claims_of(again["id_token"])


def test_missing_code_is_invalid_request(client):
    answer = client.post("/oauth/token", data={"grant_type": "authorization_code", "client_id": "cli"})

    assert error_of(answer) == (400, "invalid_request")


def test_code_needs_client(sign_in, redeem):
    answer = redeem(sign_in().location, client_id="")

    assert error_of(answer) == (401, "invalid_client")


def test_refresh_accepts_requested_scope(sign_in, redeem, client):
    scope = "openid orders:read admin offline_access"
    tokens = redeem(sign_in(scope=scope).location).get_json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}

    wider = client.post("/oauth/token", data=form | {"scope": f"{scope} orders:write"})
    again = client.post("/oauth/token", data=form | {"scope": scope})

    assert (wider.status_code, wider.get_json()["error"]) == (400, "invalid_scope")
    assert again.get_json()["scope"] == tokens["scope"] == "openid orders:read"
