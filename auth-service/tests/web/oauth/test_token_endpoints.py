"""Token endpoint, revocation and introspection over HTTP."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

ALICE = {"email": "alice@example.com", "password": "correct-horse-battery-staple"}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def alice(client):
    return client.post("/login", json=ALICE).get_json()


@pytest.fixture
def proof(keys_dir, clock):
    """`proof(client_id)`: the form fields by which this client proves itself, once."""

    def make(client_id, key_of=None, **claims):
        key = (keys_dir / "clients" / f"{key_of or client_id}.pem").read_text()
        base = {"iss": client_id, "sub": client_id, "aud": "http://localhost:8080", "jti": uuid.uuid4().hex}
        assertion = jwt.encode(base | {"exp": clock() + 60} | claims, key, "RS256")
        return {"client_assertion_type": ASSERTION, "client_assertion": assertion}

    return make


@pytest.fixture
def token(client):
    return lambda **form: client.post("/oauth/token", data=form)


def claims_of(answer):
    return jwt.decode(answer.get_json()["access_token"], options={"verify_signature": False})


def test_a_refresh_rotates(token, alice):
    answer = token(grant_type="refresh_token", refresh_token=alice["refresh_token"], client_id="cli")

    assert answer.status_code == 200
    assert answer.get_json()["refresh_token"] != alice["refresh_token"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_fifty_refreshes_at_once_get_one_successor(app, alice):
    def ask(_):
        form = {"grant_type": "refresh_token", "refresh_token": alice["refresh_token"]}
        return app.test_client().post("/oauth/token", data=form).get_json()["refresh_token"]

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(ask, range(50)))) == 1


def test_a_service_gets_a_token_for_itself(token, proof):
    answer = token(grant_type="client_credentials", audience="users-service", **proof("orders-service"))

    assert answer.status_code == 200
    assert (claims_of(answer)["sub"], claims_of(answer)["scope"]) == ("orders-service", "users:read")


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_a_service_exchanges_a_users_token(token, proof, alice, name):
    form = {"subject_token": alice["access_token"], "subject_token_type": ACCESS_TOKEN, name: "users-service"}

    answer = token(grant_type=EXCHANGE, requested_token_type=ACCESS_TOKEN, **form, **proof("orders-service"))

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["issued_token_type"] == ACCESS_TOKEN
    assert claims_of(answer)["act"] == {"sub": "orders-service"}
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
def test_an_exchange_of_another_form_is_an_invalid_request(token, proof, alice, change):
    form = {
        "subject_token": alice["access_token"],
        "subject_token_type": ACCESS_TOKEN,
        "audience": "users-service",
    }

    answer = token(grant_type=EXCHANGE, **form | change, **proof("orders-service"))

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://localhost:8080/oauth/token",
        "http://127.0.0.1:8081",
        "http://127.0.0.1:8081/oauth/token",
    ],
)
def test_an_assertion_may_name_the_mint_in_each_of_its_ways(token, proof, url):
    assert token(grant_type="client_credentials", **proof("orders-service", aud=url)).status_code == 200


UNPROVEN = {
    "nothing": lambda proof: {},
    "a name alone": lambda proof: {"client_id": "orders-service"},
    "a secret": lambda proof: {"client_id": "orders-service", "client_secret": "x"},
    "another's key": lambda proof: proof("orders-service", key_of="introspector"),
    "another mint": lambda proof: proof("orders-service", aud="http://elsewhere.example"),
    "another type": lambda proof: proof("orders-service") | {"client_assertion_type": "urn:x"},
    "another name": lambda proof: proof("orders-service") | {"client_id": "introspector"},
    "no token": lambda proof: {"client_assertion_type": ASSERTION, "client_assertion": "x"},
}


@pytest.mark.parametrize("kind", UNPROVEN)
def test_a_client_that_does_not_prove_itself_is_a_401_with_a_challenge(token, proof, kind):
    answer = token(grant_type="client_credentials", **UNPROVEN[kind](proof))

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="touchstone", charset="UTF-8"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_assertion_is_good_once(token, proof):
    form = proof("orders-service")

    assert token(grant_type="client_credentials", **form).status_code == 200
    assert token(grant_type="client_credentials", **form).get_json()["error"] == "invalid_client"


@pytest.mark.parametrize("missing", ["client_assertion", "client_assertion_type"])
def test_half_a_proof_is_an_invalid_request(token, proof, missing):
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
def test_a_grant_that_is_not_there_or_says_nothing_is_refused(token, grant, error):
    answer = token(grant_type=grant)

    assert (answer.status_code, answer.get_json()["error"]) == (400, error)


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
def test_a_body_that_is_no_good_form_is_an_invalid_request(client, path, kind):
    body, content_type = BODIES[kind]

    answer = client.post(path, data=body, content_type=content_type or "application/x-www-form-urlencoded")

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_an_endless_form_is_a_413(client):
    body = b"a=" + b"x" * 70_000

    assert (
        client.post("/oauth/token", data=body, content_type="application/x-www-form-urlencoded").status_code
        == 413
    )


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("named", [{"client_id": "cli"}, {}])
def test_revoking_either_token_ends_the_session(client, token, alice, which, named):
    answer = client.post("/oauth/revoke", data={"token": alice[which], "token_type_hint": which, **named})

    assert (answer.status_code, answer.data) == (200, b"")
    assert token(grant_type="refresh_token", refresh_token=alice["refresh_token"]).status_code == 400


@pytest.mark.parametrize("what", ["x", "x.y.z", "é"])
def test_revoking_what_is_no_token_is_a_200_too(client, what):
    assert client.post("/oauth/revoke", data={"token": what, "client_id": "cli"}).status_code == 200


def test_another_client_revokes_nothing_and_is_not_told(client, token, alice):
    assert (
        client.post(
            "/oauth/revoke", data={"token": alice["refresh_token"], "client_id": "console"}
        ).status_code
        == 200
    )

    assert token(grant_type="refresh_token", refresh_token=alice["refresh_token"]).status_code == 200


def test_introspection_describes_a_token_that_stands(client, proof, alice):
    answer = client.post("/oauth/introspect", data={"token": alice["access_token"], **proof("introspector")})

    claims = jwt.decode(alice["access_token"], options={"verify_signature": False})
    del claims["status"]  # who asks at every use needs no list
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {**claims, "active": True, "token_type": "Bearer"}


def test_introspection_shows_who_acts(client, token, proof, alice):
    form = {
        "subject_token": alice["access_token"],
        "subject_token_type": ACCESS_TOKEN,
        "audience": "users-service",
    }
    exchanged = token(grant_type=EXCHANGE, **form, **proof("orders-service")).get_json()["access_token"]

    answer = client.post("/oauth/introspect", data={"token": exchanged, **proof("introspector")})

    assert answer.get_json()["act"] == {"sub": "orders-service"}


def test_introspection_says_no_more_than_inactive_of_one_that_does_not(client, proof, alice):
    client.post("/logout", headers={"Authorization": f"Bearer {alice['access_token']}"})
    for what in (alice["access_token"], alice["refresh_token"], "x"):
        answer = client.post("/oauth/introspect", data={"token": what, **proof("introspector")})
        assert answer.get_json() == {"active": False}


@pytest.mark.parametrize("named", [{}, {"client_id": "cli"}, {"client_id": "introspector"}])
def test_introspection_is_for_clients_that_prove_who_they_are(client, alice, named):
    answer = client.post("/oauth/introspect", data={"token": alice["access_token"], **named})

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
