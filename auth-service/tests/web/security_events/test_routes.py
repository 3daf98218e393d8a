"""Streams over HTTP: what is taken, what is refused and in which words, and what a poll gives."""

import json
import threading

import jwt
import pytest
from auth_service.domain.security_events.event import EVENTS
from auth_service.domain.security_events.stream import MAX_STREAMS
from auth_service.web.security_events.poll import PollSlots

URL = "https://receiver.example/events"
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
PUSHED = {"delivery": {"method": PUSH, "endpoint_url": URL, "authorization_header": "Bearer of-bad-news"}}


@pytest.fixture
def token(client, app):
    """`token(client_id, scope)`: a token of a client that may receive signals, made if it is not there."""
    secrets = {}

    def get(client_id="hr", scope="ssf.manage ssf.read"):
        if client_id not in secrets:
            words = [f"--{name}" for name in ("confidential", "secret", "json")]
            words += ["--grant", "client_credentials", "--audience", "auth-service"]
            words += ["--own-scope", "ssf.manage", "--own-scope", "ssf.read"]
            made = app.test_cli_runner().invoke(args=["clients", "register", client_id, *words])
            secrets[client_id] = json.loads(made.output.splitlines()[-1])["client_secret"]
        form = {"grant_type": "client_credentials", "scope": scope, "audience": "auth-service"}
        answer = client.post("/oauth/token", data=form, auth=(client_id, secrets[client_id]))
        return answer.json["access_token"]

    return get


@pytest.fixture
def ask(client, token):
    """`ask(method, path, …)`: as the client `hr`, or as another."""

    def call(method, path, *, by="hr", scope="ssf.manage ssf.read", **options):
        headers = {"Authorization": f"Bearer {token(by, scope)}", **options.pop("headers", {})}
        return client.open(path, method=method, headers=headers, **options)

    return call


@pytest.fixture
def stream(ask):
    return ask("POST", "/ssf/streams", json={}).json


@pytest.fixture
def pushed(ask):
    return ask("POST", "/ssf/streams", json=PUSHED).json


@pytest.fixture
def poll(ask, stream):
    def take(**body):
        return ask("POST", f"/ssf/poll/{stream['stream_id']}", json={"returnImmediately": True, **body})

    return take


def test_a_stream_is_polled_and_for_all_events_unless_it_says_otherwise(ask):
    answer = ask("POST", "/ssf/streams", json={})

    made = answer.json
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert made == {
        "stream_id": made["stream_id"],
        "iss": "http://localhost:8080",
        "aud": "hr",
        "events_supported": list(EVENTS),
        "events_requested": list(EVENTS),
        "events_delivered": list(EVENTS),
        "delivery": {"method": POLL, "endpoint_url": f"http://localhost:8080/ssf/poll/{made['stream_id']}"},
        "min_verification_interval": 60,
    }


def test_events_that_there_are_not_are_asked_for_in_vain(ask):
    made = ask("POST", "/ssf/streams", json={"events_requested": ["urn:unknown", SESSION_REVOKED]}).json

    assert made["events_requested"] == ["urn:unknown", SESSION_REVOKED]
    assert made["events_delivered"] == [SESSION_REVOKED]


@pytest.mark.parametrize(
    "body",
    [
        {"delivery": {}},
        {"delivery": {"method": "urn:ietf:rfc:9999"}},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": 7}},
        {"delivery": {"method": PUSH, "endpoint_url": "http://receiver.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://me:secret@receiver.example/"}},
        {"delivery": {"method": PUSH, "endpoint_url": URL, "authorization_header": "a\r\nb"}},
        {"delivery": {"method": POLL, "authorization_header": "Bearer x"}},
        {"delivery": "push"},
        {"events_requested": []},
        {"events_requested": "all"},
        {"events_requested": ["a b"]},
        {"events_requested": ["urn:x"] * 51},
        {"description": "x" * 501},
        {"description": "a\u0000b"},
        {"description": "a\u2028b"},
        {"description": "a\u202eb"},
        {"description": 5},
        [],
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_is_not_a_stream_is_a_bad_request_in_words(ask, body):
    answer = ask("POST", "/ssf/streams", json=body)

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"].rpartition(":")[2] in {"invalid_request", "invalid_stream"}
    assert ask("GET", "/ssf/streams").json == []


def test_a_client_has_so_many_streams_and_no_more(ask):
    for _ in range(MAX_STREAMS):
        assert ask("POST", "/ssf/streams", json={}).status_code == 201

    assert ask("POST", "/ssf/streams", json={}).status_code == 409
    assert ask("POST", "/ssf/streams", by="payroll", json={}).status_code == 201


def test_a_secret_is_kept_and_never_shown(ask, pushed, app):
    shown = [
        pushed,
        ask("GET", f"/ssf/streams?stream_id={pushed['stream_id']}").json,
        ask("GET", "/ssf/streams").json,
        ask("PATCH", "/ssf/streams", json={"stream_id": pushed["stream_id"], "description": "x"}).json,
        app.test_cli_runner().invoke(args=["signals", "streams", "--json"]).output,
        app.test_cli_runner().invoke(args=["audit"]).output,
    ]

    assert "of-bad-news" not in str(shown)
    assert pushed["delivery"] == {"method": PUSH, "endpoint_url": URL}


def test_an_update_changes_what_it_names_and_nothing_else(ask, pushed):
    stream_id = pushed["stream_id"]

    changed = ask(
        "PATCH", "/ssf/streams", json={"stream_id": stream_id, "events_requested": [SESSION_REVOKED]}
    )

    assert changed.status_code == 200
    assert changed.json == {
        **pushed,
        "events_requested": [SESSION_REVOKED],
        "events_delivered": [SESSION_REVOKED],
    }


def test_what_a_receiver_has_read_it_can_send_back_with_a_change(ask, pushed):
    changed = ask("PATCH", "/ssf/streams", json={**pushed, "description": "Personnel"})

    assert changed.json == {**pushed, "description": "Personnel"}


def test_a_replacement_leaves_nothing_of_what_it_does_not_say(ask, pushed):
    ask("PATCH", "/ssf/streams", json={"stream_id": pushed["stream_id"], "description": "Personnel"})

    body = {"stream_id": pushed["stream_id"], "delivery": {"method": POLL}}
    replaced = ask("PUT", "/ssf/streams", json=body).json

    assert replaced["delivery"]["method"] == POLL
    assert "description" not in replaced


def test_a_replacement_says_how_signals_are_to_come(ask, pushed):
    assert ask("PUT", "/ssf/streams", json={"stream_id": pushed["stream_id"]}).status_code == 400


@pytest.mark.parametrize(
    "ours",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"aud": ["hr"]},
        {"events_supported": []},
        {"events_delivered": []},
        {"min_verification_interval": 1},
    ],
    ids=lambda one: str(one)[:60],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_only_the_mint_says_nobody_else_changes(ask, pushed, method, ours):
    answer = ask(method, "/ssf/streams", json={**pushed, **ours})

    assert answer.status_code == 400
    assert ask("GET", f"/ssf/streams?stream_id={pushed['stream_id']}").json == pushed


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/ssf/streams?stream_id={id}", None),
        ("PATCH", "/ssf/streams", {"stream_id": "{id}"}),
        ("PUT", "/ssf/streams", {"stream_id": "{id}", "delivery": {"method": POLL}}),
        ("DELETE", "/ssf/streams?stream_id={id}", None),
        ("GET", "/ssf/status?stream_id={id}", None),
        ("POST", "/ssf/status", {"stream_id": "{id}", "status": "paused"}),
        ("POST", "/ssf/verification", {"stream_id": "{id}"}),
        ("POST", "/ssf/poll/{id}", {}),
    ],
    ids=lambda one: str(one)[:60],
)
def test_another_clients_stream_is_as_one_that_is_not_there(ask, stream, method, path, body):
    def answer(stream_id):
        sent = None if body is None else json.loads(json.dumps(body).replace("{id}", stream_id))
        return ask(method, path.replace("{id}", stream_id), by="payroll", json=sent)

    theirs, nobodys = answer(stream["stream_id"]), answer("not-there")

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json["type"] == nobodys.json["type"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ssf/streams"),
        ("GET", "/ssf/streams"),
        ("PATCH", "/ssf/streams"),
        ("PUT", "/ssf/streams"),
        ("DELETE", "/ssf/streams"),
        ("GET", "/ssf/status"),
        ("POST", "/ssf/status"),
        ("POST", "/ssf/verification"),
        ("POST", "/ssf/poll/x"),
    ],
)
def test_nobody_gets_in_without_the_scope(client, method, path):
    body = {"email": "alice@example.com", "password": "correct-horse-battery-staple"}
    person = client.post("/login", json=body).json["access_token"]

    anonymous = client.open(path, method=method)
    customer = client.open(path, method=method, headers={"Authorization": f"Bearer {person}"})

    assert (anonymous.status_code, customer.status_code) == (401, 403)


def test_a_client_that_was_disabled_is_refused_although_its_token_lives(client, app, token):
    bearer = {"Authorization": f"Bearer {token()}"}
    app.test_cli_runner().invoke(args=["clients", "disable", "hr"])

    answer = client.get("/ssf/streams", headers=bearer)

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_status_is_set_and_read_with_its_reason(ask, stream):
    stream_id = stream["stream_id"]

    answer = ask("POST", "/ssf/status", json={"stream_id": stream_id, "status": "paused", "reason": "moving"})

    assert answer.json == {"stream_id": stream_id, "status": "paused", "reason": "moving"}
    assert ask("GET", f"/ssf/status?stream_id={stream_id}").json == answer.json


@pytest.mark.parametrize("status", ["stopped", None, 1, "Enabled"])
def test_there_are_three_statuses(ask, stream, status):
    body = {"stream_id": stream["stream_id"], "status": status}

    assert ask("POST", "/ssf/status", json=body).status_code == 400


def test_a_removed_stream_is_gone(ask, stream):
    path = f"/ssf/streams?stream_id={stream['stream_id']}"

    assert ask("DELETE", path).status_code == 204
    assert ask("DELETE", path).status_code == 404


def test_verifications_are_bounded_and_say_when_to_come_again(ask, stream):
    body = {"stream_id": stream["stream_id"], "state": "s"}

    assert ask("POST", "/ssf/verification", json=body).status_code == 204
    again = ask("POST", "/ssf/verification", json=body)
    assert again.status_code == 429
    assert 1 <= int(again.headers["Retry-After"]) <= 61


def test_a_poll_gives_signed_tokens_by_their_identifier(client, ask, stream, poll):
    ask("POST", "/ssf/verification", json={"stream_id": stream["stream_id"], "state": "s"})
    keys = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json)

    ((jti, token),) = poll().json["sets"].items()

    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token, keys[header["kid"]], algorithms=["RS256"], audience="hr", options={"verify_iat": False}
    )
    assert header["typ"] == "secevent+jwt"
    assert claims["jti"] == jti
    assert claims["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    assert {"sub", "exp"}.isdisjoint(claims)


def test_a_signal_is_the_same_token_however_often_it_is_fetched(ask, stream, poll):
    ask("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    assert poll().json == poll().json


def test_acknowledgements_and_errors_settle_what_came(ask, stream, poll):
    ask("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})
    (jti,) = poll().json["sets"]

    assert poll(ack=["unknown"]).json["sets"]
    assert poll(setErrs={jti: {"err": "invalid_state"}}).json["sets"] == {}


@pytest.mark.parametrize(
    "body",
    [
        {"maxEvents": -1},
        {"maxEvents": "ten"},
        {"returnImmediately": "x"},
        {"ack": "jti"},
        {"ack": ["a\u0000b"]},
        {"ack": ["x"] * 1001},
        {"setErrs": []},
        {"setErrs": {"jti": "wrong"}},
        {"setErrs": {"jti": {}}},
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_is_no_poll_is_a_bad_request(poll, body):
    assert poll(**body).status_code == 400


@pytest.mark.parametrize("prefer", ["wait=0", "wait=1", "respond-async"])
def test_a_poll_waits_no_longer_than_the_receiver_would(ask, stream, prefer):
    answer = ask("POST", f"/ssf/poll/{stream['stream_id']}", json={}, headers={"Prefer": prefer})

    assert (answer.status_code, answer.json) == (200, {"sets": {}, "moreAvailable": False})


def test_a_poll_that_has_to_wait_finds_what_comes_meanwhile(ask, app, stream):
    body = {"stream_id": stream["stream_id"]}
    verify = threading.Timer(0, lambda: ask("POST", "/ssf/verification", json=body))
    verify.start()

    answer = ask("POST", f"/ssf/poll/{stream['stream_id']}", json={}, headers={"Prefer": "wait=20"})

    verify.join()
    assert len(answer.json["sets"]) == 1


def test_the_transmitter_describes_itself_to_anybody(client):
    answer = client.get("/.well-known/ssf-configuration")

    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.json == {
        "spec_version": "1_0",
        "issuer": "http://localhost:8080",
        "jwks_uri": "http://localhost:8080/.well-known/jwks.json",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": "http://localhost:8080/ssf/streams",
        "status_endpoint": "http://localhost:8080/ssf/status",
        "verification_endpoint": "http://localhost:8080/ssf/verification",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


def test_one_poll_of_a_stream_waits_and_so_many_in_all():
    turns = PollSlots(limit=2)

    with turns("a") as first, turns("a") as second, turns("b") as third, turns("c") as fourth:
        assert [first, second, third, fourth] == [True, False, True, False]
    with turns("c") as later:
        assert later


def test_what_is_pushed_cannot_be_polled(ask, pushed):
    answer = ask("POST", f"/ssf/poll/{pushed['stream_id']}", json={"returnImmediately": True})

    assert answer.status_code == 400
    assert answer.json["type"].endswith(":invalid_stream")


def test_no_part_of_the_mint_takes_a_signal_for_an_access_token(client, ask, stream, poll):
    ask("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})
    (token,) = poll().json["sets"].values()

    for path in ("/account/sessions", "/admin/keys", "/ssf/streams", "/oauth/userinfo"):
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, path


def test_commands_list_and_remove_streams(app, ask, pushed):
    run = app.test_cli_runner().invoke

    assert pushed["stream_id"] in run(args=["signals", "streams"]).output
    assert run(args=["signals", "remove", pushed["stream_id"]]).exit_code == 0
    assert run(args=["signals", "remove", pushed["stream_id"]]).exit_code == 1
    assert ask("GET", "/ssf/streams").json == []


def test_what_waits_is_shown_to_operators(client, ask, stream):
    ask("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    lines = client.get("/metrics").text.splitlines()

    assert 'signals_waiting{delivery="poll"} 1.0' in lines
    assert 'signals_waiting{delivery="push"} 0.0' in lines
    assert 'signals_oldest_age_seconds{delivery="poll"} 0.0' in lines
