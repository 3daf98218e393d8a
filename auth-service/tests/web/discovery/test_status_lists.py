"""The status lists over HTTP: content, changes, long polling, and routes that need fresh status."""

import base64
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from auth_service.signing.status_list_tokens import RENEWAL_SECONDS

from ..helpers import ALICE, bearer, claims_of, slug_of

LIST, JWKS = "/status-lists/1", "/.well-known/jwks.json"
TIMEOUT_SECONDS = 20


def until(holds):
    """Wait until a condition holds."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(0.01)


def log_in(client, email="alice@example.com"):
    tokens = client.post("/login", json=ALICE | {"email": email}).get_json()
    entry = claims_of(tokens["access_token"])["status"]["status_list"]
    return bearer(tokens), entry["uri"], entry["idx"]


def read(client, token):
    """Read a list token with PyJWT, the published keys and zlib."""
    keys = jwt.PyJWKSet.from_json(client.get(JWKS).text)
    header = jwt.get_unverified_header(token)
    key = keys[header["kid"]].key
    claims = jwt.decode(token, key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    packed = claims["status_list"]["lst"]
    return header, claims, zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))


def is_set(client, uri, index):
    _, _, bits = read(client, client.get(uri.removeprefix("http://localhost:8080")).text)
    return bits[index >> 3] >> (index & 7) & 1 == 1


def test_status_list_is_signed_token(client, clock):
    answer = client.get(LIST)

    header, claims, bits = read(client, answer.text)
    assert (answer.status_code, answer.content_type) == (200, "application/statuslist+jwt")
    assert (header["typ"], header["alg"]) == ("statuslist+jwt", "RS256")
    assert claims["iss"] == "http://localhost:8080"
    assert claims["sub"] == "http://localhost:8080/status-lists/1"
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 43_200)
    assert (claims["ttl"], claims["status_list"]["bits"]) == (20, 1)
    assert bits == bytes(2**17)


def test_logout_sets_only_bit_of_session(client):
    (headers, uri, index), (_, other_uri, other) = log_in(client), log_in(client)
    assert uri == other_uri == "http://localhost:8080/status-lists/1"

    client.post("/logout", headers=headers)

    until(lambda: is_set(client, uri, index))
    assert not is_set(client, uri, other)


def test_list_is_cacheable_and_conditional(client):
    answer = client.get(LIST)
    known = answer.headers["ETag"]

    again = client.get(LIST, headers={"If-None-Match": known})

    assert answer.headers["Cache-Control"] == "public, max-age=20"
    assert known.startswith('W/"')
    assert "Preference-Applied" not in answer.headers
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", known)


def test_head_returns_headers_only(client):
    answer = client.head(LIST)

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == client.get(LIST).headers["ETag"]


def test_list_request_waits_for_revocation(app):
    client = app.test_client()
    headers, uri, index = log_in(client)
    asking = {"If-None-Match": client.get(LIST).headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(app.test_client().get, LIST, headers=asking)
        until(lambda: metric(client, "waiting_requests") == 1)

        client.post("/logout", headers=headers)

        answer = waiting.result(TIMEOUT_SECONDS)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=25")
    assert is_set(client, uri, index)


def test_wait_without_change_is_304(client):
    known = client.get(LIST).headers["ETag"]

    answer = client.get(LIST, headers={"If-None-Match": known, "Prefer": "wait=1"})

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=1")


def metric(client, name):
    found = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].split()[1])


def test_full_long_polls_leave_logins_working(make_app):
    app = make_app(waiting_requests=2)
    client = app.test_client()
    asking = {"If-None-Match": client.get(LIST).headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(app.test_client().get, LIST, headers=asking) for _ in range(2)]
        until(lambda: metric(client, "waiting_requests") == 2)

        headers, _, _ = log_in(client)
        refused = client.get(LIST, headers=asking)
        assert not any(each.done() for each in waiting)
        client.post("/logout", headers=headers)

        assert {each.result(TIMEOUT_SECONDS).status_code for each in waiting} == {200}
    assert (refused.status_code, refused.headers.get("Preference-Applied")) == (304, None)
    assert metric(client, "waiting_requests_refused_total") == 1
    assert metric(client, "waiting_requests_limit") == 2


@pytest.mark.parametrize(
    "name", ["0", "2", "01", "+1", "1.0", "-1", "1e0", "x", "\u0661", "9" * 40, "%31%00"]
)
def test_unknown_list_is_404(client, name):
    answer = client.get(f"/status-lists/{name}")

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.get_json()["type"] == "urn:touchstone:problem:unknown_status_list"


def test_historical_list_is_501(client):
    assert client.get(f"{LIST}?time=1700000000").status_code == 501


def test_full_list_opens_next_list(make_app):
    app = make_app(status_list_size=64)
    client = app.test_client()

    opened = [log_in(client) for _ in range(70)]

    uris = [f"http://localhost:8080/status-lists/{number}" for number in (1, 2)]
    assert {uri for _, uri, _ in opened} == set(uris)
    assert len({(uri, index) for _, uri, index in opened}) == 70
    until(lambda: client.get("/status-lists").get_json() == {"status_lists": uris})
    headers, uri, index = opened[-1]
    assert uri == uris[1]
    client.post("/logout", headers=headers)
    until(lambda: is_set(client, uri, index))
    assert metric(client, 'status_list_revoked{list="2"}') == 1
    assert metric(client, 'status_list_size{list="2"}') == 64


def test_list_is_signed_again_after_six_hours(client, clock):
    old = client.get(LIST)
    clock.advance(RENEWAL_SECONDS)

    new = client.get(LIST, headers={"If-None-Match": old.headers["ETag"]})

    assert new.status_code == 200
    assert read(client, new.text)[1]["iat"] - read(client, old.text)[1]["iat"] == RENEWAL_SECONDS


def test_key_withdrawal_signs_list_again(app):
    client = app.test_client()
    old = client.get(LIST)
    kid = jwt.get_unverified_header(old.text)["kid"]
    asking = {"If-None-Match": old.headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(app.test_client().get, LIST, headers=asking)
        until(lambda: metric(client, "waiting_requests") == 1)

        app.test_cli_runner().invoke(args=["keys", "withdraw", kid])

        new = waiting.result(TIMEOUT_SECONDS)
    assert new.status_code == 200
    assert read(client, new.text)[0]["kid"] != kid


def test_token_of_ended_session_is_revoked(client):
    headers, _, _ = log_in(client)
    client.post("/logout", headers=headers)

    until(lambda: client.post("/logout", headers=headers).status_code == 401)

    answer = client.post("/logout", headers=headers)
    assert answer.get_json()["type"] == "urn:touchstone:problem:revoked_token"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.fixture
def late(make_app):
    """A client of another process that has the first version of all documents and does not follow changes."""
    app = make_app()
    client = app.test_client()
    client.get(LIST)
    client.get(JWKS)
    app.extensions["jobs"]["change watcher"].stop()
    return client


def test_late_process_catches_up_on_revocation(client, late):
    first = client.get(LIST).headers["ETag"]
    headers, _, _ = log_in(client)
    client.post("/logout", headers=headers)
    until(lambda: client.get(LIST).headers["ETag"] != first)
    heard = client.get(LIST).headers["ETag"]
    assert late.get(LIST).headers["ETag"] == first

    answer = late.get(LIST, headers={"If-None-Match": heard})

    assert (answer.status_code, answer.headers["ETag"]) == (304, heard)


def test_late_process_catches_up_on_withdrawal(app, client, late):
    kid = client.get(JWKS).get_json()["keys"][0]["kid"]
    app.test_cli_runner().invoke(args=["keys", "withdraw", kid])
    heard = client.get(JWKS).headers["ETag"]

    answer = late.get(JWKS, headers={"If-None-Match": heard})

    assert (answer.status_code, answer.headers["ETag"]) == (304, heard)


FRESH = [
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys/rotate"),
    ("DELETE", "/admin/keys/x"),
    ("GET", "/admin/sessions"),
    ("DELETE", "/admin/sessions/x"),
    ("POST", "/admin/accounts/x/disable"),
    ("POST", "/admin/accounts/x/enable"),
    ("GET", "/admin/audit"),
    ("GET", "/account/sessions"),
    ("DELETE", "/account/sessions/x"),
    ("POST", "/account/password"),
    ("POST", "/account/verification"),
    ("POST", "/logout/all"),
]


@pytest.fixture
def make_blind(make_app, lose_database):
    """`make_blind()`: a client and the header of a session, after the database was lost."""

    def make(**settings):
        app = make_app(status_fresh_within=1, **settings)
        client = app.test_client()
        headers, _, _ = log_in(client, "admin@example.com")
        assert client.get("/admin/keys", headers=headers).status_code == 200
        lose_database(app)
        return client, headers

    return make


def test_fresh_routes_without_database_are_503(make_blind):
    client, headers = make_blind()
    until(lambda: slug_of(client.get("/admin/keys", headers=headers)) == "unconfirmed")

    for method, path in FRESH:
        answer = client.open(path, method=method, headers=headers, json={} if method == "POST" else None)

        assert (path, answer.status_code, slug_of(answer)) == (path, 503, "unconfirmed")
        assert int(answer.headers["Retry-After"]) > 0


def test_revoked_token_without_database_is_named(make_app, lose_database):
    app = make_app(status_fresh_within=1)
    client = app.test_client()
    headers, _, _ = log_in(client)
    client.post("/logout", headers=headers)
    until(lambda: client.post("/logout", headers=headers).status_code == 401)
    lose_database(app)

    assert slug_of(client.post("/account/password", headers=headers, json={})) == "revoked_token"


def test_openapi_document_names_list_media_type(client):
    described = client.get("/openapi.json").get_json()["paths"]["/status-lists/{number}"]["get"]["responses"]

    assert set(described["200"]["content"]) == {"application/statuslist+jwt"}
    assert {"304", "404", "503"} <= set(described)
