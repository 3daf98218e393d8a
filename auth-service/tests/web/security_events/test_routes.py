"""Streams, their status and verification, and the poll endpoint."""

import json
import threading

import jwt
import pytest
from auth_service.domain.security_events.event import EVENTS
from auth_service.domain.security_events.stream import MAX_STREAMS
from auth_service.web.security_events.poll import PollSlots

from ..helpers import bearer

URL = "https://receiver.example/events"
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
PUSHED = {"delivery": {"method": PUSH, "endpoint_url": URL, "authorization_header": "Bearer of-receiver"}}


@pytest.fixture
def token(client, app):
    """`token(client_id, scope)`: a token of a receiver, which is registered if it is new."""
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
def send(client, token):
    """`send(method, path, …)`: as the client `hr`, or as another."""

    def call(method, path, *, by="hr", scope="ssf.manage ssf.read", **options):
        headers = {"Authorization": f"Bearer {token(by, scope)}", **options.pop("headers", {})}
        return client.open(path, method=method, headers=headers, **options)

    return call


@pytest.fixture
def stream(send):
    return send("POST", "/ssf/streams", json={}).json


@pytest.fixture
def pushed(send):
    return send("POST", "/ssf/streams", json=PUSHED).json


@pytest.fixture
def poll(send, stream):
    def take(**body):
        return send("POST", f"/ssf/poll/{stream['stream_id']}", json={"returnImmediately": True, **body})

    return take


def test_new_stream_polls_all_events(send):
    answer = send("POST", "/ssf/streams", json={})

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


def test_unknown_events_are_not_delivered(send):
    made = send("POST", "/ssf/streams", json={"events_requested": ["urn:unknown", SESSION_REVOKED]}).json

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
def test_invalid_stream_is_400(send, body):
    answer = send("POST", "/ssf/streams", json=body)

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"].rpartition(":")[2] in {"invalid_request", "invalid_stream"}
    assert send("GET", "/ssf/streams").json == []


def test_number_of_streams_is_limited(send):
    for _ in range(MAX_STREAMS):
        assert send("POST", "/ssf/streams", json={}).status_code == 201

    assert send("POST", "/ssf/streams", json={}).status_code == 409
    assert send("POST", "/ssf/streams", by="payroll", json={}).status_code == 201


def test_authorization_header_is_never_returned(send, pushed, app):
    shown = [
        pushed,
        send("GET", f"/ssf/streams?stream_id={pushed['stream_id']}").json,
        send("GET", "/ssf/streams").json,
        send("PATCH", "/ssf/streams", json={"stream_id": pushed["stream_id"], "description": "x"}).json,
        app.test_cli_runner().invoke(args=["signals", "streams", "--json"]).output,
        app.test_cli_runner().invoke(args=["audit"]).output,
    ]

    assert "of-receiver" not in str(shown)
    assert pushed["delivery"] == {"method": PUSH, "endpoint_url": URL}


def test_update_changes_given_members(send, pushed):
    stream_id = pushed["stream_id"]

    changed = send(
        "PATCH", "/ssf/streams", json={"stream_id": stream_id, "events_requested": [SESSION_REVOKED]}
    )

    assert changed.status_code == 200
    assert changed.json == {
        **pushed,
        "events_requested": [SESSION_REVOKED],
        "events_delivered": [SESSION_REVOKED],
    }


def test_update_accepts_whole_configuration(send, pushed):
    changed = send("PATCH", "/ssf/streams", json={**pushed, "description": "Personnel"})

    assert changed.json == {**pushed, "description": "Personnel"}


def test_replacement_resets_absent_members(send, pushed):
    send("PATCH", "/ssf/streams", json={"stream_id": pushed["stream_id"], "description": "Personnel"})

    body = {"stream_id": pushed["stream_id"], "delivery": {"method": POLL}}
    replaced = send("PUT", "/ssf/streams", json=body).json

    assert replaced["delivery"]["method"] == POLL
    assert "description" not in replaced


def test_replacement_requires_delivery(send, pushed):
    assert send("PUT", "/ssf/streams", json={"stream_id": pushed["stream_id"]}).status_code == 400


@pytest.mark.parametrize(
    "change",
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
def test_transmitter_members_cannot_be_changed(send, pushed, method, change):
    answer = send(method, "/ssf/streams", json={**pushed, **change})

    assert answer.status_code == 400
    assert send("GET", f"/ssf/streams?stream_id={pushed['stream_id']}").json == pushed


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
def test_stream_of_other_client_is_not_found(send, stream, method, path, body):
    def answer(stream_id):
        sent = None if body is None else json.loads(json.dumps(body).replace("{id}", stream_id))
        return send(method, path.replace("{id}", stream_id), by="payroll", json=sent)

    other, unknown = answer(stream["stream_id"]), answer("not-there")

    assert other.status_code == unknown.status_code == 404
    assert other.json["type"] == unknown.json["type"]


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
def test_stream_routes_need_scope(client, log_in, method, path):
    anonymous = client.open(path, method=method)
    customer = client.open(path, method=method, headers=bearer(log_in()))

    assert (anonymous.status_code, customer.status_code) == (401, 403)


def test_disabled_client_is_refused(client, app, token):
    bearer = {"Authorization": f"Bearer {token()}"}
    app.test_cli_runner().invoke(args=["clients", "disable", "hr"])

    answer = client.get("/ssf/streams", headers=bearer)

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_status_is_set_with_reason(send, stream):
    stream_id = stream["stream_id"]

    answer = send(
        "POST", "/ssf/status", json={"stream_id": stream_id, "status": "paused", "reason": "moving"}
    )

    assert answer.json == {"stream_id": stream_id, "status": "paused", "reason": "moving"}
    assert send("GET", f"/ssf/status?stream_id={stream_id}").json == answer.json


@pytest.mark.parametrize("status", ["stopped", None, 1, "Enabled"])
def test_unknown_status_is_400(send, stream, status):
    body = {"stream_id": stream["stream_id"], "status": status}

    assert send("POST", "/ssf/status", json=body).status_code == 400


def test_deleted_stream_is_not_found(send, stream):
    path = f"/ssf/streams?stream_id={stream['stream_id']}"

    assert send("DELETE", path).status_code == 204
    assert send("DELETE", path).status_code == 404


def test_verification_is_rate_limited(send, stream):
    body = {"stream_id": stream["stream_id"], "state": "s"}

    assert send("POST", "/ssf/verification", json=body).status_code == 204
    again = send("POST", "/ssf/verification", json=body)
    assert again.status_code == 429
    assert 1 <= int(again.headers["Retry-After"]) <= 61


def test_poll_returns_signed_tokens_by_jti(client, send, stream, poll):
    send("POST", "/ssf/verification", json={"stream_id": stream["stream_id"], "state": "s"})
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


def test_polled_token_is_same_each_time(send, stream, poll):
    send("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    assert poll().json == poll().json


def test_error_acknowledges_event(send, stream, poll):
    send("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})
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
def test_invalid_poll_is_400(poll, body):
    assert poll(**body).status_code == 400


@pytest.mark.parametrize("prefer", ["wait=0", "wait=1", "respond-async"])
def test_poll_waits_for_preferred_time(send, stream, prefer):
    answer = send("POST", f"/ssf/poll/{stream['stream_id']}", json={}, headers={"Prefer": prefer})

    assert (answer.status_code, answer.json) == (200, {"sets": {}, "moreAvailable": False})


def test_waiting_poll_returns_new_event(send, app, stream):
    body = {"stream_id": stream["stream_id"]}
    verify = threading.Timer(0, lambda: send("POST", "/ssf/verification", json=body))
    verify.start()

    answer = send("POST", f"/ssf/poll/{stream['stream_id']}", json={}, headers={"Prefer": "wait=20"})

    verify.join()
    assert len(answer.json["sets"]) == 1


def test_transmitter_metadata_is_public(client):
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


def test_poll_slots_limit_streams_and_total():
    slots = PollSlots(limit=2)

    with slots("a") as first, slots("a") as second, slots("b") as third, slots("c") as fourth:
        assert [first, second, third, fourth] == [True, False, True, False]
    with slots("c") as later:
        assert later


def test_push_stream_cannot_be_polled(send, pushed):
    answer = send("POST", f"/ssf/poll/{pushed['stream_id']}", json={"returnImmediately": True})

    assert answer.status_code == 400
    assert answer.json["type"].endswith(":invalid_stream")


def test_event_token_is_no_access_token(client, send, stream, poll):
    send("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})
    (token,) = poll().json["sets"].values()

    for path in ("/account/sessions", "/admin/keys", "/ssf/streams", "/oauth/userinfo"):
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, path


def test_commands_list_and_remove_streams(app, send, pushed):
    run = app.test_cli_runner().invoke

    assert pushed["stream_id"] in run(args=["signals", "streams"]).output
    assert run(args=["signals", "remove", pushed["stream_id"]]).exit_code == 0
    assert run(args=["signals", "remove", pushed["stream_id"]]).exit_code == 1
    assert send("GET", "/ssf/streams").json == []


def test_queue_metrics_count_waiting_events(client, send, stream):
    send("POST", "/ssf/verification", json={"stream_id": stream["stream_id"]})

    lines = client.get("/metrics").text.splitlines()

    assert 'signals_waiting{delivery="poll"} 1.0' in lines
    assert 'signals_waiting{delivery="push"} 0.0' in lines
    assert 'signals_oldest_age_seconds{delivery="poll"} 0.0' in lines
