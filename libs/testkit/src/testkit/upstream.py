"""A real HTTP server that gives the answers a test has prepared."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from testkit.http_server import HttpServer, Received, Response


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

    `received` lists the requests. While `gate` is cleared, answers are held back. A subclass may override `take`.
    """

    def __init__(self, *answers: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        self.answers = list(answers) or [Answer()]
        self.received: list[Received] = []
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        super().__init__(host, port)

    def take(self, request: Received) -> Answer:
        """Keep the request and return its answer."""
        with self._lock:
            self.received.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.gate.wait(10)
        return answer

    def respond(self, request: Received) -> Response:
        """Return the answer that `take` gives."""
        answer = self.take(request)
        raw = answer.raw()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **answer.headers}
        return answer.status, headers, [raw]

    def close(self) -> None:
        """Stop serving; answers that are held back are sent first."""
        self.gate.set()
        super().close()
