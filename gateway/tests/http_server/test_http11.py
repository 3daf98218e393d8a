"""Time limits of client connections."""

import gc
import time

from gateway.http_server.http11 import IDLE_SECONDS, MESSAGE_SECONDS, ClientConnection

GET = b"GET /products HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
POST = (
    b"POST /oauth/token HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
)


def check_time_limits(seconds):
    """Let the server check all connections as if `seconds` had passed."""
    for connection in [o for o in gc.get_objects() if isinstance(o, ClientConnection) and not o.lost]:
        connection.loop.call_soon_threadsafe(connection.watch, connection.loop.time() + seconds + 1)
    time.sleep(0.05)


def test_slow_request_is_408(gateway, upstream):
    slow, silent, body = gateway.connect(), gateway.connect(), gateway.connect()
    slow.send(b"GET /products HTTP/1.1\r\nHost: ga")
    body.send(POST)
    assert body.head().status == 100
    body.send(b"a")
    for line, status in ((slow, 408), (body, 408), (silent, None)):
        check_time_limits(MESSAGE_SECONDS)
        response = line.response()
        assert (response and response.status) == status
    assert upstream.seen == []


def test_client_not_reading_is_disconnected(gateway, upstream):
    upstream.respond = lambda _request, connection: upstream.say(connection, b"a" * 20_000_000)
    line = gateway.connect()
    line.send(GET)
    assert line.stream.read(1) == b"H"
    time.sleep(0.3)  # until all buffers on the way are full
    check_time_limits(IDLE_SECONDS)

    assert upstream.gone.wait(5)


def test_idle_connection_is_closed(gateway):
    line = gateway.connect()
    line.send(GET)
    line.response()
    check_time_limits(IDLE_SECONDS)

    assert line.ended()
