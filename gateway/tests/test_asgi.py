"""The door under a WSGI server, and Flask behind the door."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway.app import create_door
from gateway.bridge import AsWsgi, call_wsgi


@pytest.fixture
def app(upstream, settings):
    door, _ = create_door(settings(upstream.url, rate_limits=False))
    yield AsWsgi(door)
    door._edge.close()


def ask(app, method="GET", path="/products", **environ):
    started = []
    base = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1",
            "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(b""), "HTTP_HOST": "x"}  # fmt: skip
    parts = app({**base, **environ}, lambda status, headers: started.append((status, dict(headers))))
    body = b"".join(parts)
    return (*started[0], body)


def test_a_request_goes_through_the_same_steps(app, upstream):
    status, headers, body = ask(app, QUERY_STRING="a=b", HTTP_X_REAL_IP="6.6.6.6")

    assert status == "200 OK"
    assert headers["X-Request-Id"]
    assert b"/products?a=b" in body
    assert upstream.seen[0].values("x-forwarded-for") == ["192.0.2.1"]
    assert not upstream.seen[0].values("x-real-ip")


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_the_raw_target_is_judged_where_the_server_tells_it(app, upstream, name):
    assert ask(app, **{name: "/orders/%2e%2e/products"})[0].startswith("400")
    assert ask(app, **{name: "http://evil/products"})[0].startswith("400")
    assert upstream.seen == []


@pytest.mark.parametrize("path", ["/a/../products", "//products", "/products;x", "/a b", "/a\\b", "/caf\xe9"])
def test_a_path_that_was_decoded_is_judged_as_well(app, upstream, path):
    assert ask(app, path=path)[0][:3] in ("400", "404")
    assert upstream.seen == []


@pytest.mark.parametrize(
    "framed",
    [{"CONTENT_LENGTH": "40000"}, {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}],
)
def test_a_body_is_passed_on(app, upstream, framed):
    data = b"a" * 40000
    status, _, _ = ask(
        app, "POST", "/oauth/token", CONTENT_TYPE="text/x", **{"wsgi.input": io.BytesIO(data), **framed}
    )

    assert status == "200 OK"
    assert upstream.seen[0].body == data
    assert upstream.seen[0].values("content-type") == ["text/x"]


class Broken(io.BytesIO):
    """The input of a server that fails where a chunk breaks off."""

    def read(self, size=-1):
        return super().read(size) or self.fail()

    def fail(self):
        raise OSError("chunk broken off")


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}
HALF = {
    "a length": {"CONTENT_LENGTH": "9", "wsgi.input": io.BytesIO(b"half")},
    "a length, no body": {"CONTENT_LENGTH": "9", "wsgi.input": io.BytesIO(b"")},
    "a length, the end told": {
        "CONTENT_LENGTH": "9",
        "wsgi.input": io.BytesIO(b"half"),
        "wsgi.input_terminated": True,
    },
    "chunks": {**CHUNKED, "wsgi.input": Broken(b"half"), "wsgi.input_terminated": True},
    "chunks that the server cannot end": {**CHUNKED, "wsgi.input": io.BytesIO(b"{}")},
}


@pytest.mark.parametrize("half", list(HALF))
def test_body_cut_off_is_400_and_reaches_no_service(app, upstream, half):
    status, _, body = ask(app, "POST", "/login", **HALF[half])

    assert status == "400 Bad Request"
    assert b"before it was whole" in body
    assert upstream.seen == []


def test_slow_bodies_keep_nobody_else_waiting(app, upstream):
    go_on = threading.Event()

    class Slow:
        def read(self, _size):
            go_on.wait(10)
            return b"ok"

    slow = {"CONTENT_LENGTH": "2", "wsgi.input": Slow()}
    with ThreadPoolExecutor(50) as clients:
        waiting = [clients.submit(ask, app, "POST", "/login", **slow) for _ in range(50)]
        meanwhile = ask(app, "POST", "/oauth/token", CONTENT_LENGTH="2", **{"wsgi.input": io.BytesIO(b"{}")})
        seen = [request.target for request in upstream.seen]
        go_on.set()

    assert meanwhile[0] == "200 OK"
    assert seen == ["/oauth/token"]
    assert {each.result()[0] for each in waiting} == {"200 OK"}


def test_a_refused_request_is_a_problem(app):
    status, headers, body = ask(app, path="/nowhere")

    assert status == "404 Not Found"
    assert headers["Content-Type"] == "application/problem+json"
    assert b"not_found" in body


def test_what_the_environment_says_is_no_header(upstream, settings, monkeypatch):
    monkeypatch.setenv("HTTP_X_SECRET", "of the process")
    door, _ = create_door(settings(upstream.url))

    ask(AsWsgi(door), HTTP_X_SECRET="of the process")
    door._edge.close()

    assert not upstream.seen[0].values("x-secret")


def test_an_answer_that_breaks_off_is_an_error_of_the_connection(app, upstream):
    def half(_request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        connection.shutdown(2)

    upstream.answer = half
    _, headers, body = ask(app)

    assert headers["Content-Length"] == "99"
    assert len(body) < 99


def test_an_app_that_does_not_answer_is_an_error():
    async def silent(_scope, _receive, _send):
        pass

    with pytest.raises(RuntimeError, match="did not answer"):
        ask(AsWsgi(silent))


def test_an_app_that_fails_fails():
    async def failing(_scope, _receive, _send):
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        ask(AsWsgi(failing))


def test_a_status_without_a_name_has_one():
    async def odd(_scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 299, "headers": []})
        for number in range(9):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": number < 8})

    assert ask(AsWsgi(odd))[::2] == ("299 Unknown", b"012345678")


def test_flask_behind_the_door_is_closed_when_it_has_answered():
    closed = []

    class Parts(list):
        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [("X-Type", environ["CONTENT_TYPE"])])
        return Parts([environ["wsgi.input"].read()])

    scope = {
        "method": "POST",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("a", 1),
        "client": ("b", 2),
        "headers": [(b"content-type", b"text/x")],
    }
    assert call_wsgi(app, scope, "/", None, b"body") == (200, [(b"x-type", b"text/x")], b"body")
    assert closed
