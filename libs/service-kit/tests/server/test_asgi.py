"""The ASGI server: it reads whole bodies, and calls the WSGI app on a thread."""

import asyncio
import json
import threading

import pytest
from service_kit.http_client.service_client import ServiceClient
from service_kit.observability.health import Health
from service_kit.server.asgi import AsgiServer, environment, respond
from service_kit.web import request_validation
from service_kit.worker_threads import ThreadRequired, release_slot, require_thread, trying

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "raw_path": b"/things",
    "query_string": b"",
    "server": ("127.0.0.1", "8083"),
    "client": ("127.0.0.9", "50000"),
}
JSON = (b"content-type", b"application/json")
CHUNKED = (b"transfer-encoding", b"chunked")
DISCONNECT = {"type": "http.disconnect"}


def part(body, *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def send_request(app, *messages, headers=(JSON,), **changed):
    """Return status, headers and body of the response to a request with these messages, and no more."""

    async def call():
        sent = []
        left = iter(messages)

        async def receive():
            for message in left:
                return message
            return await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await AsgiServer(app)({**SCOPE, "headers": list(headers), **changed}, receive, send)
        return sent

    start, end = asyncio.run(asyncio.wait_for(call(), 20))
    return start["status"], dict(start["headers"]), end["body"]


def length(number):
    return (b"content-length", str(number).encode())


def test_complete_body_reaches_view(app):
    body = json.dumps({"name": "a", "count": 2}).encode()

    for how in (length(len(body)), CHUNKED):
        status, headers, response = send_request(
            app, part(body[:5], more=True), part(body[5:]), headers=(JSON, how)
        )

        assert (status, json.loads(response)) == (200, {"name": "a", "count": 2})
        assert b"connection" not in headers
        assert b"x-request-id" in headers


@pytest.mark.parametrize(
    ("how", "messages"),
    [
        (length(60), [part(b'{"name": "a"}', more=True), DISCONNECT]),
        (length(60), [DISCONNECT]),
        (length(60), [part(b'{"name": "a"}')]),
        (CHUNKED, [part(b'{"name": "a"}', more=True), DISCONNECT]),
        ((b"content-length", b"x"), []),
        ((b"content-length", "\u00b2".encode("latin-1")), []),
    ],
)
def test_incomplete_body_is_400(app, how, messages):
    status, headers, response = send_request(app, *messages, headers=(JSON, how))

    assert status == 400
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"
    assert json.loads(response)["request_id"] == headers[b"x-request-id"].decode()


@pytest.mark.parametrize("path", [b"/things", b"/nowhere", b"/livez"])
def test_incomplete_body_is_400_on_every_path(app, path):
    assert send_request(app, DISCONNECT, headers=(JSON, length(9)), raw_path=path)[0] == 400


@pytest.mark.parametrize(
    "messages", [[], [part(b"{", more=True)]], ids=["nothing comes", "nothing more comes"]
)
def test_stalled_body_is_408(app, messages):
    app.before_request_funcs[None].pop()  # with another time
    request_validation.init_app(app, seconds=0.01)

    status, headers, _ = send_request(app, *messages, headers=(JSON, length(60)))

    assert status == 408
    assert headers[b"connection"] == b"close"


def test_body_above_limit_is_413_unread(app):
    assert send_request(app, headers=(JSON, length(65537)))[0] == 413
    assert send_request(app, part(b"x" * 65537, more=True), headers=(JSON, CHUNKED))[0] == 413


def test_other_transfer_coding_is_501(app):
    assert send_request(app, headers=(JSON, (b"transfer-encoding", b"gzip, chunked")))[0] == 501


def test_http2_body_without_length_is_read(app):
    assert send_request(app, part(b'{"name": "a"}'), http_version="2")[0] == 200
    assert send_request(app, part(b'{"name": "a"}', more=True), DISCONNECT, http_version="2")[0] == 400


def test_environment_has_request_as_sent():
    headers = [
        (b"x-a", b"1"),
        (b"x-a", b"\xe9"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x_b", b"3"),
        JSON,
    ]

    found = environment({**SCOPE, "headers": headers, "raw_path": b"/a%2Fb%ff/%00", "query_string": b"q=%20"})

    assert found["PATH_INFO"] == "/a/b\xff/\x00"
    assert found["QUERY_STRING"] == "q=%20"
    assert found["HTTP_X_A"] == "1,\xe9"
    assert found["HTTP_COOKIE"] == "a=1; b=2"
    assert found["CONTENT_TYPE"] == "application/json"
    assert "HTTP_X_B" not in found
    assert (found["REMOTE_ADDR"], found["SERVER_PORT"]) == ("127.0.0.9", "8083")


def test_unix_socket_has_no_client_address():
    assert environment({**SCOPE, "headers": [], "client": None})["REMOTE_ADDR"] == ""


def test_written_and_closed_response_is_complete():
    closed = []

    class Parts(list):
        def close(self):
            closed.append(True)

    def app(_environ, start_response):
        write = start_response("201 Created", [("X-Name", "\xe9")])
        write(b"a")
        return Parts([b"b", b"c"])

    assert respond(app, {}) == (201, [(b"x-name", b"\xe9")], b"abc")
    assert closed == [True]


def test_error_of_app_reaches_server(app):
    def broken(_environ, _start_response):
        raise LookupError("broken")

    app.wsgi_app = broken
    with pytest.raises(LookupError):
        send_request(app)


def test_waiting_requests_do_not_block_others(app):
    """One thread may run at once; a request that waits for another is overtaken."""
    arrived = threading.Event()

    @app.route("/waits")
    def waits():
        return {"met": arrived.wait(10)}

    @app.route("/meets")
    def meets():
        arrived.set()
        return {}

    server = AsgiServer(app)

    async def one(path):
        sent = []

        async def send(message):
            sent.append(message)

        await server({**SCOPE, "method": "GET", "headers": [], "raw_path": path}, None, send)
        return sent[1]["body"]

    async def both():
        return await asyncio.gather(one(b"/waits"), one(b"/meets"), one(b"/livez"))

    assert json.loads(asyncio.run(both())[0]) == {"met": True}


@pytest.fixture
def reading(app):
    """An app whose reads are tried in the event loop; `/reads`, `/releases` and `/writes` return their threads' names."""
    app.config["READS_IN_LOOP"] = True

    @app.route("/reads", methods=["GET", "POST"])
    def reads():
        return threading.current_thread().name

    @app.get("/releases")
    def releases():
        release_slot()
        return reads()

    @app.get("/writes")
    def writes():
        require_thread()
        return reads()

    return app


@pytest.mark.parametrize(
    ("path", "changed", "thread"),
    [
        (b"/reads", {}, b"MainThread"),
        (b"/reads", {"headers": [(b"content-length", b"2")]}, b"worker-"),
        (b"/reads", {"method": "POST"}, b"worker-"),
        (b"/releases", {}, b"worker-"),
        (b"/writes", {}, b"worker-"),
    ],
)
def test_get_runs_in_loop_until_it_waits(reading, path, changed, thread):
    status, _, response = send_request(
        reading, part(b"{}"), **{"method": "GET", "headers": [], "raw_path": path} | changed
    )

    assert (status, response.startswith(thread)) == (200, True)


def test_restarted_get_is_logged_once(reading, capsys):
    send_request(reading, method="GET", headers=[], raw_path=b"/releases")
    send_request(reading, method="GET", headers=[], raw_path=b"/metrics")

    assert capsys.readouterr().out.count("/releases") == 1


def test_get_without_setting_uses_thread(app):
    @app.get("/reads")
    def reads():
        return threading.current_thread().name

    assert send_request(app, method="GET", headers=[], raw_path=b"/reads")[2].startswith(b"worker-")


def test_get_in_loop_leaves_breaker_unchanged():
    client = ServiceClient("http://127.0.0.1:9", name="other")
    for _ in range(9):
        with trying(), pytest.raises(ThreadRequired):
            client.request("GET", "/")
    assert client.breaker.allow()


def test_health_checks_need_thread():
    with trying(), pytest.raises(ThreadRequired):
        Health({"slow": threading.Event().wait}).reasons()
