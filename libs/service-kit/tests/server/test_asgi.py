"""The ASGI side of a service: bodies are read whole before a thread is used, and the app sees one WSGI request."""

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


def ask(app, *messages, headers=(JSON,), **changed):
    """Return status, headers and body of the answer to one request whose body comes in these messages, then nothing."""

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


def test_whole_body_reaches_the_view(app):
    body = json.dumps({"name": "a", "count": 2}).encode()

    for how in (length(len(body)), CHUNKED):
        status, headers, answer = ask(app, part(body[:5], more=True), part(body[5:]), headers=(JSON, how))

        assert (status, json.loads(answer)) == (200, {"name": "a", "count": 2})
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
def test_body_that_is_not_whole_is_400(app, how, messages):
    status, headers, answer = ask(app, *messages, headers=(JSON, how))

    assert status == 400
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"
    assert json.loads(answer)["request_id"] == headers[b"x-request-id"].decode()


@pytest.mark.parametrize("path", [b"/things", b"/nowhere", b"/livez"])
def test_body_that_is_not_whole_is_400_on_every_path(app, path):
    assert ask(app, DISCONNECT, headers=(JSON, length(9)), raw_path=path)[0] == 400


@pytest.mark.parametrize(
    "messages", [[], [part(b"{", more=True)]], ids=["nothing comes", "nothing more comes"]
)
def test_body_that_stops_is_408(app, messages):
    app.before_request_funcs[None].pop()  # with another time
    request_validation.init_app(app, seconds=0.01)

    status, headers, _ = ask(app, *messages, headers=(JSON, length(60)))

    assert status == 408
    assert headers[b"connection"] == b"close"


def test_body_beyond_the_limit_is_413_unread(app):
    assert ask(app, headers=(JSON, length(65537)))[0] == 413
    assert ask(app, part(b"x" * 65537, more=True), headers=(JSON, CHUNKED))[0] == 413


def test_other_transfer_coding_is_501(app):
    assert ask(app, headers=(JSON, (b"transfer-encoding", b"gzip, chunked")))[0] == 501


def test_http2_body_without_length_is_read(app):
    assert ask(app, part(b'{"name": "a"}'), http_version="2")[0] == 200
    assert ask(app, part(b'{"name": "a"}', more=True), DISCONNECT, http_version="2")[0] == 400


def test_environment_holds_the_request_as_it_was_sent():
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


def test_app_that_writes_and_closes_is_answered_whole():
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


def test_error_of_the_app_is_the_servers(app):
    def broken(_environ, _start_response):
        raise LookupError("broken")

    app.wsgi_app = broken
    with pytest.raises(LookupError):
        ask(app)


def test_requests_that_wait_do_not_keep_others(app):
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
    """An app whose reads are tried in the event loop; `/reads`, `/steps-aside` and `/writes` tell their threads' names."""
    app.config["READS_IN_LOOP"] = True

    @app.route("/reads", methods=["GET", "POST"])
    def reads():
        return threading.current_thread().name

    @app.get("/steps-aside")
    def steps_aside():
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
        (b"/steps-aside", {}, b"worker-"),
        (b"/writes", {}, b"worker-"),
    ],
)
def test_read_leaves_the_loop_only_to_wait(reading, path, changed, thread):
    status, _, answer = ask(
        reading, part(b"{}"), **{"method": "GET", "headers": [], "raw_path": path} | changed
    )

    assert (status, answer.startswith(thread)) == (200, True)


def test_read_that_starts_over_is_written_down_once(reading, capsys):
    ask(reading, method="GET", headers=[], raw_path=b"/steps-aside")
    ask(reading, method="GET", headers=[], raw_path=b"/metrics")

    assert capsys.readouterr().out.count("/steps-aside") == 1


def test_read_without_the_setting_uses_a_thread(app):
    @app.get("/reads")
    def reads():
        return threading.current_thread().name

    assert ask(app, method="GET", headers=[], raw_path=b"/reads")[2].startswith(b"worker-")


def test_read_that_would_call_out_leaves_the_breaker_alone():
    client = ServiceClient("http://127.0.0.1:9", name="other")
    for _ in range(9):
        with trying(), pytest.raises(ThreadRequired):
            client.request("GET", "/")
    assert client.breaker.allow()


def test_read_that_would_wait_for_health_checks_leaves_the_loop():
    with trying(), pytest.raises(ThreadRequired):
        Health({"slow": threading.Event().wait}).reasons()
