"""The laboratory's load generator against servers that close connections in allowed and in wrong ways."""

import json
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
SCRIPT = (
    "import json, load_generator, sys; seen = load_generator.run(sys.argv[1], connections=2, seconds=0.4); "
    "print(json.dumps([seen.answers, seen.errors]))"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Server(socketserver.ThreadingTCPServer):
    """Sends each connection the same answers, one a request, and then ends it."""

    daemon_threads = True
    answers: tuple[bytes, ...]
    reset: bool
    connections = 0

    def handle_error(self, request, client_address):
        """Nothing: the load is over."""


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self):
        self.server.connections += 1
        for answer in self.server.answers:
            while self.rfile.readline() not in {b"\r\n", b""}:
                pass
            self.wfile.write(answer)
        if self.server.reset:
            self.rfile.readline()  # the next request is under way
            self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    opened: list[Server] = []

    def start(*answers: bytes, reset: bool = False) -> Server:
        server = Server(("127.0.0.1", 0), Handler)
        server.answers, server.reset = answers, reset
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        opened.append(server)
        return server

    yield start
    for server in opened:
        server.shutdown()
        server.server_close()


def load(server: Server) -> tuple[int, int]:
    """Return how many answers and errors a short load saw."""
    command = [sys.executable, "-c", SCRIPT, f"http://127.0.0.1:{server.server_address[1]}/"]
    done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answers, errors = json.loads(done.stdout)
    return answers, errors


@pytest.mark.parametrize(
    ("answers", "reset"),
    [
        ((LAST,), False),
        ((ANSWER, ANSWER, LAST), False),
        ((ANSWER, ANSWER), False),
        ((ANSWER, ANSWER), True),
    ],
    ids=["no-keep-alive", "announced", "unannounced", "reset"],
)
def test_closed_connection_is_replaced(serve, answers, reset):
    server = serve(*answers, reset=reset)
    good, errors = load(server)
    assert errors == 0
    assert good > 0
    assert server.connections > 2


@pytest.mark.parametrize(
    "answer",
    [b"", ANSWER[:-1], b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n", b"no HTTP\r\n\r\n"],
    ids=["none", "cut", "503", "garbage"],
)
def test_bad_answer_counts_as_error(serve, answer):
    good, errors = load(serve(answer))
    assert good == 0
    assert errors > 0


def test_kept_connection_counts_every_answer(serve):
    server = serve(*[ANSWER] * 100_000)
    good, errors = load(server)
    assert (errors, server.connections) == (0, 2)
    assert good > 2
