"""The ASGI application by itself, as under any ASGI server."""

import asyncio
import json

import pytest
from gateway.app import create_app
from gateway.request import TruncatedResponseError

DISCONNECT = {"type": "http.disconnect"}
END = {"type": "http.request"}
LENGTH_9, CHUNKED = (b"content-length", b"9"), (b"transfer-encoding", b"chunked")


def part(data, *, more=True):
    return {"type": "http.request", "body": data, "more_body": more}


@pytest.fixture
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def app(upstream, settings, runner):
    app = create_app(settings(upstream.url, rate_limits=False))
    yield app
    runner.run(lifespan(app, "shutdown"))


async def lifespan(app, event):
    """Return what the app says to the event; a shutdown ends it."""
    sent, events = [], [f"lifespan.{event}"]

    async def receive():
        return {"type": events.pop() if events else "lifespan.shutdown"}

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


async def call(app, method="GET", target="/products", headers=(), body=(END,)):
    """Return status, headers and body of the response to a request whose body comes in these messages."""
    left, sent = list(body), []

    async def receive():
        if not left:
            await asyncio.Event().wait()
        message = left.pop(0)
        return await message if asyncio.isfuture(message) else message

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "client": ("192.0.2.1", 5),
        "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"gateway.test"), *headers],
        "raw_path": target.partition("?")[0].encode("latin-1"),
        "query_string": target.partition("?")[2].encode("latin-1"),
    }
    await app(scope, receive, send)
    start, *parts = sent
    assert not parts[-1].get("more_body")
    return start["status"], dict(start["headers"]), b"".join(part["body"] for part in parts)


def test_request_takes_all_steps(runner, app, upstream):
    status, headers, body = runner.run(
        call(app, target="/products?a=b", headers=[(b"x-real-ip", b"6.6.6.6")])
    )

    assert status == 200
    assert headers[b"x-request-id"]
    assert json.loads(body)["target"] == "/products?a=b"
    assert upstream.seen[0].values("x-forwarded-for") == ["192.0.2.1"]
    assert not upstream.seen[0].values("x-real-ip")


@pytest.mark.parametrize(
    "target",
    ["/orders/%2e%2e/products", "http://evil/products", "/a/../products", "//products", "/products;x", "/a b",
     "/a\\b", "/caf\xe9"],
)  # fmt: skip
def test_forbidden_target_is_400(runner, app, upstream, target):
    assert runner.run(call(app, target=target))[0] == 400
    assert upstream.seen == []


@pytest.mark.parametrize("framing", [(b"content-length", b"40000"), CHUNKED])
def test_body_is_passed_on(runner, app, upstream, framing):
    data = b"a" * 40000
    headers = [(b"content-type", b"text/x"), framing]
    status, _, _ = runner.run(
        call(app, "POST", "/oauth/token", headers, [part(data[:9]), part(data[9:], more=False)])
    )

    assert status == 200
    assert upstream.seen[0].body == data
    assert upstream.seen[0].values("content-type") == ["text/x"]


TRUNCATED = {
    "length, part": (LENGTH_9, [part(b"half"), DISCONNECT]),
    "length, nothing": (LENGTH_9, [DISCONNECT]),
    "length, too short": (LENGTH_9, [part(b"half", more=False)]),
    "chunks, part": (CHUNKED, [part(b"half"), DISCONNECT]),
    "chunks, nothing": (CHUNKED, [DISCONNECT]),
}


@pytest.mark.parametrize("truncated", list(TRUNCATED))
def test_truncated_body_is_400(runner, app, upstream, truncated):
    framing, body = TRUNCATED[truncated]
    status, _, content = runner.run(call(app, "POST", "/login", [framing], body))

    assert status == 400
    assert b"incomplete" in content
    assert upstream.seen == []


def test_slow_bodies_delay_no_other_request(runner, app, upstream):
    async def run():
        more = asyncio.get_running_loop().create_future()
        slow = [
            asyncio.create_task(call(app, "POST", "/login", [(b"content-length", b"2")], [more]))
            for _ in range(50)
        ]
        other = await call(
            app, "POST", "/oauth/token", [(b"content-length", b"2")], [part(b"{}", more=False)]
        )
        seen = [request.target for request in upstream.seen]
        more.set_result(part(b"ok", more=False))
        return other, seen, await asyncio.gather(*slow)

    other, seen, slow = runner.run(run())

    assert other[0] == 200
    assert seen == ["/oauth/token"]
    assert {status for status, _, _ in slow} == {200}


def test_refused_request_is_a_problem(runner, app):
    status, headers, body = runner.run(call(app, target="/nowhere"))

    assert status == 404
    assert headers[b"content-type"] == b"application/problem+json"
    assert b"not_found" in body


def test_own_route_is_answered(runner, app):
    assert runner.run(call(app, target="/livez"))[::2] == (200, b'{"status":"alive"}\n')


def test_truncated_response_raises(runner, app, upstream):
    def truncate(_request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        connection.shutdown(2)

    upstream.respond = truncate

    with pytest.raises(TruncatedResponseError):
        runner.run(call(app))


def test_lifespan_starts_to_follow_the_issuer(runner, upstream, settings):
    app = create_app(settings(upstream.url))

    assert runner.run(lifespan(app, "startup")) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
