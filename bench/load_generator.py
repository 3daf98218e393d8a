"""A small load generator: a fixed number of keep-alive connections, one request in flight on each, in its own process.

httptools parses the responses, so that its own cost is far below that of the server. A server may close a connection after
any response (nginx does so after 1,000): it is replaced, and this is not an error. Trust the ratio of two runs; absolute
figures depend on the other load of the machine.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

LAST_SECONDS = 5.0  # for the responses to the last requests


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

    def __init__(self, address: tuple[str, int]) -> None:
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)
        self._pristine = True
        self.served = False  # a response came
        self.reusable = False  # the server keeps the connection open after it
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def expired(self) -> bool:
        """Return whether the server closed it between responses, so the request was not served (RFC 9112 section 9.3.1)."""
        return self.served and self._pristine

    def send(self, request: bytes) -> None:
        """Send a request; an error of the connection shows when the response is read."""
        self._status, self._pristine, self.reusable = 0, True, False
        self.started = time.perf_counter()
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(request)

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


def _requests(url: str, headers: Sequence[Mapping[str, str]]) -> list[bytes]:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **each}.items())
        for each in headers
    ]
    return [f"GET {target} HTTP/1.1\r\n{each}\r\n".encode("latin-1") for each in lines]


def _generate(url: str, headers: Sequence[Mapping[str, str]], connections: int, seconds: float) -> Load:
    parts, requests = urlsplit(url), itertools.cycle(_requests(url, headers))
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    selector = selectors.DefaultSelector()

    def connect() -> _Connection:
        connection = _Connection(address)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    opened = [connect() for _ in range(connections)]
    answers, errors, latencies = 0, 0, []
    start = time.perf_counter()
    end = start + seconds
    for connection in opened:
        connection.send(next(requests))
    # Nothing is sent after `end`, but the last responses are waited for: the next run finds an idle server.
    while (now := time.perf_counter()) < end or (selector.get_map() and now < end + LAST_SECONDS):
        for key, _ in selector.select(timeout=0.1):
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            now = time.perf_counter()
            if 200 <= status < 300:
                answers += 1
                latencies.append(now - connection.started)
            elif not connection.expired:
                errors += 1
            if now < end and connection.reusable:
                connection.send(next(requests))
                continue
            selector.unregister(connection.socket)
            connection.socket.close()
            if now < end:
                connect().send(next(requests))
    errors += len(selector.get_map())
    return Load(now - start, answers, errors, latencies)


@functools.cache
def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def run(
    url: str,
    *,
    headers: Mapping[str, str] | Sequence[Mapping[str, str]] = (),
    connections: int = 16,
    seconds: float = 2.0,
) -> Load:
    """GET `url` repeatedly for `seconds` on `connections` keep-alive connections, from a separate process.

    Of several `headers` each request takes the next ones, in turn.
    """
    each = [headers] if isinstance(headers, Mapping) else headers or [{}]
    return _process().submit(_generate, url, each, connections, seconds).result()
