"""A real HTTP server on a loopback port, in a thread, that gives the answers a test has prepared."""

import json
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from requests.structures import CaseInsensitiveDict

Response = tuple[int, Mapping[str, str], Iterable[bytes]]  # status, headers, pieces of the body


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it was received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """Return the members of a form body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class HttpServer:
    """Serves from its construction on, until `close`. A context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = (_Ipv6Server if ":" in host else _Server)((host, port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def respond(self, request: Received) -> Response:
        """Return the response to a request."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The server's base URL, without a trailing slash."""
        host = str(self._server.server_address[0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def close(self) -> None:
        """Stop serving; connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """Return the body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FakeUpstream(HttpServer):
    """Sends `answers` one after the other to the requests it receives; the last one is repeated.

    `received` lists the requests. While `gate` is cleared, answers are held back. A subclass may override `answer`.
    """

    def __init__(self, *answers: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        self.answers = list(answers) or [Answer()]
        self.received: list[Received] = []
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        super().__init__(host, port)

    def answer(self, request: Received) -> Answer:
        """Keep the request and return its answer."""
        with self._lock:
            self.received.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.gate.wait(10)
        return answer

    def respond(self, request: Received) -> Response:
        """Return the response of `answer`."""
        answer = self.answer(request)
        raw = answer.raw()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **answer.headers}
        return answer.status, headers, [raw]

    def close(self) -> None:
        """Stop serving; answers that are held back are sent first."""
        self.gate.set()
        super().close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing: in many tests clients disconnect early."""


class _Ipv6Server(_Server):
    address_family = socket.AF_INET6


def _handler(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
            """Write nothing."""

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received = Received(self.command, self.path, CaseInsensitiveDict(self.headers.items()), body)
            status, headers, pieces = server.respond(received)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                for piece in pieces:
                    self.wfile.write(piece)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815 - the base class looks for these names

    return Handler
