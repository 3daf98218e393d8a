"""A small load generator: a fixed number of kept-alive connections, one request in flight on each, in a process of its own.

It speaks just enough HTTP/1.1 to count answers, so that its own cost stays far below that of what it measures. Ratios
of two runs are what to trust; absolute figures are those of a busy machine.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What one run saw. Latencies in seconds."""

    seconds: float
    answers: int
    errors: int
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return self.answers / self.seconds

    def percentile(self, p: float) -> float:
        """Latency in seconds below which `p` percent of the answers came; infinity if there was none."""
        if not self.latencies:
            return float("inf")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


class _Connection:
    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._received = b""
        self._usual = (
            b""  # a complete answer that came in one piece: the next one of its length and status is another
        )
        self.send()

    def send(self) -> None:
        self._received, self.started = b"", time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> int | None:
        """Return the status of a complete answer, 0 if the peer closed, None if more is to come."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            return 0
        if not self._received and len(chunk) == len(self._usual) and chunk[:12] == self._usual[:12]:
            return int(chunk[9:12])
        self._received += chunk
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lowered = head.lower()
        if b"\r\ntransfer-encoding: chunked" in lowered:
            complete = body.endswith(b"0\r\n\r\n")
        else:
            _, _, length = lowered.partition(b"\r\ncontent-length:")
            complete = len(body) >= int(length.split(b"\r\n", 1)[0] or 0)
        if not complete:
            return None
        if len(self._received) == len(chunk):
            self._usual = chunk
        return int(head[9:12])


def _generate(url: str, headers: dict[str, str], connections: int, seconds: float, results: object) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    lines = {"Host": parts.netloc, **headers}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(address, request.encode("latin-1"))
        selector.register(connection.socket, selectors.EVENT_READ, connection)
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
            else:
                errors += 1
            if status == 0:
                selector.unregister(connection.socket)
                connection.socket.close()
                connection = _Connection(address, request.encode("latin-1"))
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            else:
                connection.send()
    results.send(Load(now - start, answers, errors, latencies))  # type: ignore[attr-defined]


def run(
    url: str, *, headers: dict[str, str] | None = None, connections: int = 16, seconds: float = 2.0
) -> Load:
    """GET `url` over and over for `seconds` on `connections` kept-alive connections, from a process of its own."""
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
