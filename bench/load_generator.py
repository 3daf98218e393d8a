"""A small load generator: a fixed number of keep-alive connections, one request in flight on each, in its own process.

httptools parses the responses, so that its own cost is far below that of the server. A server may close a connection after
any response (nginx does so after 1,000): it is replaced, and this is not an error. Trust the ratio of two runs; absolute
figures depend on the other load of the machine.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import selectors
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools


@dataclass(frozen=True)
class Load:
    """The result of one run. Latencies in seconds."""

    seconds: float
    answers: int
    errors: int
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Successful responses per second."""
        return self.answers / self.seconds

    def percentile(self, p: float) -> float:
        """Return the latency in seconds of `p` percent of the responses; infinity if there was none."""
        if not self.latencies:
            return float("inf")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


class _Connection:
    """A connection with a request in flight. Responses end by their length or last chunk, not with the connection."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self._request = request
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)
        self._pristine = True
        self.served = False  # a response came
        self.reusable = False  # the server keeps the connection open after it
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    @property
    def expired(self) -> bool:
        """Return whether the server closed it between responses, so the request was not served (RFC 9112 section 9.3.1)."""
        return self.served and self._pristine

    def send(self) -> None:
        """Send the request; an error of the connection shows when the response is read."""
        self._status, self._pristine, self.reusable = 0, True, False
        self.started = time.perf_counter()
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(self._request)

    def on_message_complete(self) -> None:
        """Note the status of a final response; called by the parser."""
        if (status := self._parser.get_status_code()) >= 200:
            self._status, self.served, self.reusable = status, True, self._parser.should_keep_alive()

    def receive(self) -> int | None:
        """Return the status of a complete response, 0 if none will come, None if it is incomplete."""
        try:
            chunk = self.socket.recv(262_144)
            self._pristine = self._pristine and not chunk
            self._parser.feed_data(chunk)
        except (ConnectionError, httptools.HttpParserError):
            return 0
        return (self._status or None) if chunk else 0


def _generate(url: str, headers: dict[str, str], connections: int, seconds: float, results: object) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    lines = {"Host": parts.netloc, **headers}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    selector = selectors.DefaultSelector()

    def connect() -> None:
        connection = _Connection(address, request.encode("latin-1"))
        selector.register(connection.socket, selectors.EVENT_READ, connection)

    for _ in range(connections):
        connect()
    answers, errors, latencies = 0, 0, []
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        for key, _ in selector.select(timeout=0.1):
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            if 200 <= status < 300:
                answers += 1
                latencies.append(time.perf_counter() - connection.started)
            elif not connection.expired:
                errors += 1
            if connection.reusable:
                connection.send()
            else:
                selector.unregister(connection.socket)
                connection.socket.close()
                connect()
    results.send(Load(now - start, answers, errors, latencies))  # type: ignore[attr-defined]


def run(
    url: str, *, headers: dict[str, str] | None = None, connections: int = 16, seconds: float = 2.0
) -> Load:
    """GET `url` repeatedly for `seconds` on `connections` keep-alive connections, from a separate process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(url, headers or {}, connections, seconds, sender)
    )
    process.start()
    sender.close()
    try:
        result: Load = receiver.recv()
    except EOFError:
        raise RuntimeError(f"the load generator ended without a result for {url}") from None
    finally:
        process.join(5)
    return result
