"""HTTP/2 as the network sees it: pseudo-headers, bodies, resets and floods, with prior knowledge, frame by frame."""

import contextlib
import threading

import pytest
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, CANCEL = 0, 1, 8


def head(lines, stream=1, *, end=True, whole=True):
    """Return a HEADERS frame; `end` ends the stream, `whole` the block of headers."""
    flags = ["END_STREAM"] * end + ["END_HEADERS"] * whole
    return HeadersFrame(stream, Encoder().encode(lines), flags=flags)


def data(body, stream=1, *, end=True):
    return DataFrame(stream, body, flags=["END_STREAM"] * end)


class Client:
    """An HTTP/2 connection to the gateway, on which a test sends frames."""

    def __init__(self, line, window=65535):
        self.line, self._decoder = line, Decoder()
        self.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: window}), start=PREFACE)

    def send(self, *frames, start=b""):
        with contextlib.suppress(ConnectionError):  # closed by the gateway already
            self.line.send(start + b"".join(frame.serialize() for frame in frames))

    def read(self):
        """Return the next frame, None at the end of the connection."""
        with contextlib.suppress(ConnectionError):
            if len(start := self.line.stream.read(9)) == 9:
                frame, length = Frame.parse_frame_header(memoryview(start))
                frame.parse_body(memoryview(self.line.stream.read(length)))
                return frame
        return None

    def outcome(self, stream=1):
        """Return the status of the response on a stream, `reset`, `goaway` or `closed`."""
        while (frame := self.read()) is not None:
            if isinstance(frame, GoAwayFrame):
                return "goaway"
            if isinstance(frame, HeadersFrame):
                status = int(dict(self._decoder.decode(frame.data))[":status"])
                if frame.stream_id == stream:
                    return status
            if isinstance(frame, RstStreamFrame) and frame.stream_id == stream:
                return "reset"
        return "closed"


@pytest.fixture
def client(gateway):
    return lambda: Client(gateway.connect())


def request(**pseudo):
    """Return the pseudo-headers of a GET, with changes; None leaves one out."""
    names = {"method": "GET", "scheme": "http", "authority": "gateway.test", "path": "/products", **pseudo}
    return [(f":{name}", value) for name, value in names.items() if value is not None]


GET, POST, OTHER = request(), request(method="POST", path="/login"), request(path="/products?other")
BODY, HALF = [data(b"{}")], [data(b"{}", end=False)]
LENGTH_2, LENGTH_9 = [*POST, ("content-length", "2")], [*POST, ("content-length", "9")]
BEARER = ("authorization", "Bearer x")
# What is sent, what comes back, and what reaches the service.
ROWS = {
    "whole": (GET, [], 200, ["/products"]),
    "whole, without authority": ([*request(authority=None), ("host", "a")], [], 200, ["/products"]),
    "whole, te: trailers": ([*GET, ("te", "trailers")], [], 200, ["/products"]),
    "whole, two cookies": ([*GET, ("cookie", "a=1"), ("cookie", "b=2")], [], 200, ["/products"]),
    "whole with a body": (LENGTH_2, BODY, 200, ["/login"]),
    "whole, expect": ([*LENGTH_2, ("expect", "100-continue")], BODY, 200, ["/login"]),
    "whole, trailers": (LENGTH_2, [*HALF, head([BEARER])], 200, ["/login"]),
    "bearer only in a trailer": (request(path="/orders"), [data(b"", end=False), head([BEARER])], 401, []),
    "bad bearer": ([*request(path="/orders"), BEARER], [], 401, []),
    "no authority": (request(authority=None), [], 400, []),
    "empty authority": (request(authority=""), [], "reset", []),
    "authority with a user": (request(authority="user@evil"), [], 400, []),
    "authority with a path": (request(authority="evil/x"), [], "reset", []),
    "two authorities": ([*GET, (":authority", "b")], [], "reset", []),
    "two hosts": ([*GET, ("host", "a"), ("host", "b")], [], 400, []),
    "no method": (request(method=None), [], "reset", []),
    "no scheme": (request(scheme=None), [], "reset", []),
    "no path": (request(path=None), [], "reset", []),
    "empty path": (request(path=""), [], "reset", []),
    "two paths": ([*GET, (":path", "/orders")], [], "reset", []),
    "path of absolute form": (request(path="http://evil/products"), [], "reset", []),
    "path *": (request(method="OPTIONS", path="*"), [], 400, []),
    "path with ..": (request(path="/orders/../products"), [], 400, []),
    "path with a blank": (request(path="/products x"), [], "reset", []),
    "path with a line end": (request(path="/products HTTP/1.1\r\nX: y"), [], "reset", []),
    "method with a line end": (request(method="GET / HTTP/1.1\r\nX:"), [], "goaway", []),
    "pseudo-header after others": ([*GET[:3], ("x", "y"), GET[3]], [], "reset", []),
    "unknown pseudo-header": ([*GET, (":x", "y")], [], "goaway", []),
    "status of a response": ([*GET, (":status", "200")], [], "reset", []),
    "pseudo-header of CONNECT": ([*request(method="CONNECT"), (":protocol", "websocket")], [], "reset", []),
    "CONNECT": ([(":method", "CONNECT"), (":authority", "evil:443")], [], 400, []),
    "name in upper case": ([*GET, ("X-A", "b")], [], "goaway", []),
    "name with a blank": ([*GET, ("x a", "b")], [], "goaway", []),
    "name with a line end": ([*GET, ("x\r\nx-a", "b")], [], "goaway", []),
    "value with a line end": ([*GET, ("x", "a\r\nx-user: root")], [], "goaway", []),
    "value with a line feed": ([*GET, ("x", "a\nb")], [], "goaway", []),
    "value with a NUL": ([*GET, ("x", "a\0b")], [], "goaway", []),
    "connection": ([*GET, ("connection", "close")], [], "reset", []),
    "upgrade": ([*GET, ("upgrade", "h2c")], [], "reset", []),
    "te: gzip": ([*GET, ("te", "gzip")], [], "reset", []),
    "transfer-encoding": ([*POST, ("transfer-encoding", "chunked")], [data(b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")], "reset", []),
    "two Authorizations": ([*GET, BEARER, BEARER], [], 400, []),
    "many headers": ([*GET, *[("x", "a")] * 101], [], 431, []),
    "body shorter than its length": (LENGTH_9, BODY, "reset", []),
    "body longer than its length": ([*POST, ("content-length", "1")], BODY, "reset", []),
    "body with the length 0": ([*POST, ("content-length", "0")], BODY, "reset", []),
    "two lengths": ([*LENGTH_2, ("content-length", "9")], BODY, "reset", []),
    "equal lengths": ([*LENGTH_2, ("content-length", "2")], BODY, 400, []),
    "length with a sign": ([*POST, ("content-length", "+2")], BODY, "reset", []),
    "body without a length": (POST, BODY, 411, []),
    "big body": ([*POST, ("content-length", "65537")], HALF, 413, []),
    "body behind the end": (LENGTH_2, [*BODY, data(b"more")], "goaway", []),
    "even stream": (GET, [head(GET, 2)], "goaway", None),
    "headers cut by another stream": (None, [head(GET, whole=False), head(OTHER, 3)], "goaway", []),
    "window overflow": (GET, [WindowUpdateFrame(0, 0x7FFFFFFF)], "goaway", None),
}  # fmt: skip


def targets(gateway, upstream):
    """Return what the service received before a later request."""
    assert gateway.request("GET", "/products?later").status == 200
    assert upstream.begun.pop() == "/products?later"
    return upstream.begun


@pytest.mark.parametrize("row", list(ROWS))
def test_request_reaches_a_service_if_whole(client, gateway, upstream, row):
    lines, frames, outcome, expected = ROWS[row]
    sender = client()
    first = [] if lines is None else [head(lines, end=not frames or frames[0].stream_id != 1)]
    sender.send(*first, *frames)

    if expected is not None:
        assert sender.outcome() == outcome
        assert targets(gateway, upstream) == expected
    else:  # a fault of the connection, beside a request that is whole
        while (found := sender.outcome()) == 200:
            pass
        assert found == outcome
        assert len(targets(gateway, upstream)) <= 1


@pytest.mark.parametrize("code", [NO_ERROR, PROTOCOL_ERROR, CANCEL])
@pytest.mark.parametrize("lines", [POST, LENGTH_9])
def test_body_reset_reaches_no_service(client, gateway, upstream, lines, code):
    sender = client()
    sender.send(head(lines, end=False), *HALF, PingFrame(0))
    while not isinstance(sender.read(), PingFrame):
        pass
    sender.send(RstStreamFrame(1, code), head(OTHER, 3))

    assert sender.outcome(3) == 200
    assert targets(gateway, upstream) == ["/products?other"]


@pytest.mark.parametrize("end", [[], [GoAwayFrame(0)]])
def test_body_cut_reaches_no_service(client, gateway, upstream, end):
    sender = client()
    sender.send(head(LENGTH_9, end=False), *HALF, *end)
    sender.line.close()

    assert targets(gateway, upstream) == []


def test_streams_beyond_the_bound_are_refused(client, gateway, upstream):
    """100 at once (SETTINGS_MAX_CONCURRENT_STREAMS); the gateway says so, and resets others."""
    sender = client()
    sender.send(*[head(LENGTH_2, 2 * number + 1, end=False) for number in range(120)])

    assert sender.outcome(239) == "reset"
    sender.send(*[data(b"{}", 2 * number + 1) for number in range(100)])
    assert {sender.outcome(2 * number + 1) for number in (0, 99)} <= {200, "closed"}
    assert set(targets(gateway, upstream)) == {"/login"}
    assert len(upstream.begun) == 100


def test_response_not_read_ends_upstream_call(strict, another_upstream):
    another_upstream.respond = lambda _r, connection: another_upstream.say(connection, b"a" * 10_000_000)
    client = Client(strict.connect(), window=0)
    client.send(head(GET))

    assert client.outcome() == 200
    assert another_upstream.gone.wait(20)


def test_stream_reset_ends_upstream_call(client, upstream):
    called = threading.Event()

    def never(_request, connection):
        called.set()
        connection.recv(1)  # until the gateway disconnects
        raise OSError

    upstream.respond = never
    sender = client()
    sender.send(head(GET))
    assert called.wait(20)
    sender.send(RstStreamFrame(1, CANCEL))

    assert upstream.gone.wait(20)


FLOODS = {
    "continuations": [head(GET, whole=False)] + [ContinuationFrame(1, b"\x00\x01a" + b"\x7f\x81\x7f" + b"b" * 256) for _ in range(2000)],
    "large headers": [head([*GET, ("x", "a" * 16000)], whole=False)] + [ContinuationFrame(1, Encoder().encode([("x", "a" * 16000)])) for _ in range(200)],
    "resets": [frame for number in range(5000) for frame in (head(OTHER, 2 * number + 1), RstStreamFrame(2 * number + 1, CANCEL))],
    "empty frames": [head(LENGTH_2, end=False)] + [data(b"", end=False) for _ in range(50_000)],
}  # fmt: skip


@pytest.mark.parametrize("flood", list(FLOODS))
def test_flood_ends_its_connection(client, gateway, upstream, flood):
    sender = client()
    for first in range(0, len(FLOODS[flood]), 500):
        sender.send(*FLOODS[flood][first : first + 500])

    assert sender.outcome() in {"goaway", "closed"}
    assert gateway.request("GET", "/products").status == 200
    assert len(upstream.begun) < 500
