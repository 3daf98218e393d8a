"""The status lists as they are published: what a list says, when it changes, who waits for it, and what the mint does itself."""

import base64
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt
import pytest
from auth_service.settings import Settings
from auth_service.signing.status_list_tokens import SIGNED_ANEW
from pydantic import ValidationError
from service_kit.settings import faults

LIST, JWKS = "/status-lists/1", "/.well-known/jwks.json"
PASSWORD = "correct-horse-battery-staple"
PATIENCE = 20  # seconds


def until(holds):
    """Wait until something holds, which takes a moment."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.01)


def log_in(client, email="alice@example.com"):
    tokens = client.post("/login", json={"email": email, "password": PASSWORD}).get_json()
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    where = claims["status"]["status_list"]
    return {"Authorization": f"Bearer {tokens['access_token']}"}, where["uri"], where["idx"]


def read(client, token):
    """Read a list token as a stranger would: PyJWT against the published keys, and zlib."""
    keys = jwt.PyJWKSet.from_json(client.get(JWKS).text)
    header = jwt.get_unverified_header(token)
    key = keys[header["kid"]].key
    claims = jwt.decode(token, key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    packed = claims["status_list"]["lst"]
    return header, claims, zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))


def is_set(client, uri, index):
    _, _, bits = read(client, client.get(uri.removeprefix("http://localhost:8080")).text)
    return bits[index >> 3] >> (index & 7) & 1 == 1


def test_a_list_is_a_signed_token_that_says_whose_it_is_and_how_long_it_lives(client, clock):
    answer = client.get(LIST)

    header, claims, bits = read(client, answer.text)
    assert (answer.status_code, answer.content_type) == (200, "application/statuslist+jwt")
    assert (header["typ"], header["alg"]) == ("statuslist+jwt", "RS256")
    assert claims["iss"] == "http://localhost:8080"
    assert claims["sub"] == "http://localhost:8080/status-lists/1"
    assert (claims["iat"], claims["exp"]) == (int(clock()), int(clock()) + 43_200)
    assert (claims["ttl"], claims["status_list"]["bits"]) == (20, 1)
    assert bits == bytes(2**17)


def test_logging_out_sets_the_sessions_bit_and_no_other(client):
    (bearer, uri, index), (_, other_uri, other) = log_in(client), log_in(client)
    assert uri == other_uri == "http://localhost:8080/status-lists/1"

    client.post("/logout", headers=bearer)

    until(lambda: is_set(client, uri, index))
    assert not is_set(client, uri, other)


def test_a_list_is_cacheable_for_its_ttl_and_answers_conditional_requests(client):
    answer = client.get(LIST)
    known = answer.headers["ETag"]

    again = client.get(LIST, headers={"If-None-Match": known})

    assert answer.headers["Cache-Control"] == "public, max-age=20"
    assert known.startswith('W/"')
    assert "Preference-Applied" not in answer.headers
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", known)


def test_head_gives_the_headers_alone(client):
    answer = client.head(LIST)

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == client.get(LIST).headers["ETag"]


def test_a_request_that_prefers_to_wait_is_held_until_a_bit_is_set(app):
    client = app.test_client()
    bearer, uri, index = log_in(client)
    asking = {"If-None-Match": client.get(LIST).headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(app.test_client().get, LIST, headers=asking)
        until(lambda: metric(client, "waiting_requests") == 1)

        client.post("/logout", headers=bearer)

        answer = waiting.result(PATIENCE)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=25")
    assert is_set(client, uri, index)


def test_a_wait_ends_with_nothing_new_as_a_304(client):
    known = client.get(LIST).headers["ETag"]

    answer = client.get(LIST, headers={"If-None-Match": known, "Prefer": "wait=1"})

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (304, "wait=1")


def metric(client, name):
    found = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].split()[1])


def test_log_ins_go_on_while_all_places_are_taken_and_who_comes_then_is_answered_at_once(make_app):
    app = make_app(waiting_requests=2)
    client = app.test_client()
    asking = {"If-None-Match": client.get(LIST).headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(app.test_client().get, LIST, headers=asking) for _ in range(2)]
        until(lambda: metric(client, "waiting_requests") == 2)

        bearer, _, _ = log_in(client)
        refused = client.get(LIST, headers=asking)
        assert not any(each.done() for each in waiting)
        client.post("/logout", headers=bearer)

        assert {each.result(PATIENCE).status_code for each in waiting} == {200}
    assert (refused.status_code, refused.headers.get("Preference-Applied")) == (304, None)
    assert metric(client, "waiting_requests_refused_total") == 1
    assert metric(client, "waiting_requests_limit") == 2


@pytest.mark.parametrize(
    "name", ["0", "2", "01", "+1", "1.0", "-1", "1e0", "x", "\u0661", "9" * 40, "%31%00"]
)
def test_a_list_that_is_not_there_is_a_problem(client, name):
    answer = client.get(f"/status-lists/{name}")

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.get_json()["type"] == "urn:touchstone:problem:unknown_status_list"


def test_lists_of_the_past_are_not_offered(client):
    assert client.get(f"{LIST}?time=1700000000").status_code == 501


def test_a_full_list_is_followed_by_the_next_and_both_are_named(make_app):
    app = make_app(status_list_size=64)
    client = app.test_client()

    opened = [log_in(client) for _ in range(70)]

    uris = [f"http://localhost:8080/status-lists/{number}" for number in (1, 2)]
    assert {uri for _, uri, _ in opened} == set(uris)
    assert len({(uri, index) for _, uri, index in opened}) == 70
    until(lambda: client.get("/status-lists").get_json() == {"status_lists": uris})
    bearer, uri, index = opened[-1]
    assert uri == uris[1]
    client.post("/logout", headers=bearer)
    until(lambda: is_set(client, uri, index))
    assert metric(client, 'status_list_revoked{list="2"}') == 1
    assert metric(client, 'status_list_size{list="2"}') == 64


def test_a_list_is_signed_anew_after_a_quarter_of_a_day(client, clock):
    old = client.get(LIST)
    clock.advance(SIGNED_ANEW)

    new = client.get(LIST, headers={"If-None-Match": old.headers["ETag"]})

    assert new.status_code == 200
    assert read(client, new.text)[1]["iat"] - read(client, old.text)[1]["iat"] == SIGNED_ANEW


def test_a_list_is_signed_with_the_new_key_when_the_old_one_is_withdrawn_and_who_waits_gets_it(app):
    client = app.test_client()
    old = client.get(LIST)
    kid = jwt.get_unverified_header(old.text)["kid"]
    asking = {"If-None-Match": old.headers["ETag"], "Prefer": "wait=25"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(app.test_client().get, LIST, headers=asking)
        until(lambda: metric(client, "waiting_requests") == 1)

        app.test_cli_runner().invoke(args=["keys", "withdraw", kid])

        new = waiting.result(PATIENCE)
    assert new.status_code == 200
    assert read(client, new.text)[0]["kid"] != kid


def test_a_token_of_an_ended_session_is_revoked_at_the_mint_too(client):
    bearer, _, _ = log_in(client)
    client.post("/logout", headers=bearer)

    until(lambda: client.post("/logout", headers=bearer).status_code == 401)

    answer = client.post("/logout", headers=bearer)
    assert answer.get_json()["type"] == "urn:touchstone:problem:revoked_token"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.fixture
def late(make_app):
    """Another process' client, which knows the first state of all documents and hears of no other by itself."""
    app = make_app()
    client = app.test_client()
    client.get(LIST)
    client.get(JWKS)
    app.extensions["jobs"]["change watcher"].stop()
    return client


def test_who_has_heard_of_a_revocation_is_not_told_otherwise_by_a_process_that_has_not(client, late):
    first = client.get(LIST).headers["ETag"]
    bearer, _, _ = log_in(client)
    client.post("/logout", headers=bearer)
    until(lambda: client.get(LIST).headers["ETag"] != first)
    heard = client.get(LIST).headers["ETag"]
    assert late.get(LIST).headers["ETag"] == first

    answer = late.get(LIST, headers={"If-None-Match": heard})

    assert (answer.status_code, answer.headers["ETag"]) == (304, heard)


def test_who_has_heard_of_a_withdrawal_is_not_told_otherwise_by_a_process_that_has_not(app, client, late):
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
    """Make a mint whose database goes away once somebody has logged in, and give a client of it and the bearer."""

    def make(**settings):
        app = make_app(status_fresh_within=1, **settings)
        client = app.test_client()
        bearer, _, _ = log_in(client, "admin@example.com")
        assert client.get("/admin/keys", headers=bearer).status_code == 200
        lose_database(app)
        return client, bearer

    return make


def slug(answer):
    return answer.get_json()["type"].removeprefix("urn:touchstone:problem:")


def test_without_the_database_what_needs_fresh_knowledge_is_refused_after_a_while(make_blind):
    client, bearer = make_blind()
    until(lambda: slug(client.get("/admin/keys", headers=bearer)) == "unconfirmed")

    for method, path in FRESH:
        answer = client.open(path, method=method, headers=bearer, json={} if method == "POST" else None)

        assert (path, answer.status_code, slug(answer)) == (path, 503, "unconfirmed")
        assert int(answer.headers["Retry-After"]) > 0


def test_without_the_database_a_revoked_token_is_still_told_so(make_app, lose_database):
    app = make_app(status_fresh_within=1)
    client = app.test_client()
    bearer, _, _ = log_in(client)
    client.post("/logout", headers=bearer)
    until(lambda: client.post("/logout", headers=bearer).status_code == 401)
    lose_database(app)

    assert slug(client.post("/account/password", headers=bearer, json={})) == "revoked_token"


def test_the_settings_of_lists_have_bounds(keys_dir, tmp_path):
    wrong = {"status_list_size": 65, "status_list_ttl": 0, "waiting_requests": 0}
    with pytest.raises(ValidationError) as refused:
        Settings(database_url=f"sqlite:///{tmp_path}/x.db", keys_dir=keys_dir, **wrong)

    assert {line.partition(":")[0] for line in faults(refused.value)} == {name.upper() for name in wrong}


def test_the_document_of_the_api_tells_of_the_lists_media_type(client):
    described = client.get("/openapi.json").get_json()["paths"]["/status-lists/{number}"]["get"]["responses"]

    assert set(described["200"]["content"]) == {"application/statuslist+jwt"}
    assert {"304", "404", "503"} <= set(described)


def test_the_thread_that_watches_starts_with_the_first_request_and_not_before(make_app):
    app, started = make_app(), Event()
    app.before_request(started.set)

    assert app.extensions["jobs"]["change watcher"]._thread is None
    app.test_client().get("/livez")
    assert started.is_set()
    assert app.extensions["jobs"]["change watcher"]._thread.is_alive()
