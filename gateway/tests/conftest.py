"""A real upstream, a real issuer, and the real server in a thread."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import pytest
import requests

if not getattr(sys.modules.get("gateway"), "__file__", None):
    sys.modules.pop("gateway", None)  # pytest has made a module of this folder, which would hide the package

from gateway.app import create_app
from gateway.browser_session.session_tokens import SessionTokens
from gateway.server import OPTIONS
from gateway.settings import Settings
from granian.server.embed import Server
from testkit.cluster import free_ports
from testkit.concurrency import wait_for
from testkit.issuer import FakeIssuer
from testkit.token_signer import TokenSigner

ISSUER = "http://localhost:8080"


@dataclass
class Request:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]


@dataclass
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name):
        return ", ".join(v for n, v in self.headers if n.lower() == name.lower())

    def problem(self):
        assert self["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == self.status
        assert document["request_id"] == self["x-request-id"]
        return document["type"].removeprefix("urn:touchstone:problem:")


def read_head(stream):
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    if not lines:
        return None, []
    pairs = [line.partition(":")[::2] for line in lines[1:]]
    return lines[0], [(name, value.strip()) for name, value in pairs]


class Upstream:
    """Answers each request by `self.respond(request, connection)`, by default with what it got as JSON."""

    def __init__(self):
        self.begun: list[str] = []  # targets of requests whose head has come
        self.seen: list[Request] = []
        self.connections = 0
        self.gone = threading.Event()
        self.respond = self.echo
        self.early = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def echo(self, request, connection):
        document = {
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "body": request.body.decode(),
        }
        self.say(connection, json.dumps(document).encode())

    @staticmethod
    def say(connection, body=b"{}", status="200 OK", *lines):
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError, ValueError):
            while True:
                line, headers = read_head(stream)
                if line is None:
                    break
                method, target, _ = line.split(" ")
                self.begun.append(target)
                if self.early is not None:
                    self.early(connection)
                    continue
                body = self._body(stream, {n.lower(): v for n, v in headers})
                request = Request(method, target, headers, body)
                self.seen.append(request)
                self.respond(request, connection)
        self.gone.set()

    def _body(self, stream, headers):
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while (size := int(stream.readline(), 16)) > 0:
                parts.append(stream.read(size))
                stream.readline()
            stream.readline()
            return b"".join(parts)
        left, parts = int(headers.get("content-length", 0)), []
        while left:
            parts.append(stream.read1(left))
            if not parts[-1]:
                break
            left -= len(parts[-1])
        return b"".join(parts)

    def reset(self):
        self.begun.clear()
        self.seen.clear()
        self.gone.clear()
        self.respond = self.echo
        self.early = None

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


class RawConnection:
    """A connection to the gateway, on which a test sends bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def head(self):
        line, headers = read_head(self.stream)
        return None if line is None else Response(int(line.split(" ")[1]), headers, b"")

    def response(self, method="GET"):
        response = self.head()
        if response is None:
            return None
        if response.status < 200:
            return self.response(method)
        if method == "HEAD" or response.status in (204, 304):
            return response
        if response["transfer-encoding"] == "chunked":
            while chunk := self.chunk():
                response.body += chunk
        else:
            response.body = self.stream.read(int(response["content-length"]))
        return response

    def chunk(self):
        data = self.stream.read(int(self.stream.readline(), 16))
        self.stream.readline()
        return data

    def ended(self):
        try:
            return self.stream.read(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.stream.close()
        self.socket.close()


@dataclass
class Running:
    port: int
    connections: list = field(default_factory=list)

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def connect(self):
        self.connections.append(RawConnection(self.port))
        return self.connections[-1]

    def raw(self, data, method="GET"):
        connection = self.connect()
        with contextlib.suppress(ConnectionError):  # refused before all of it was sent
            connection.send(data)
        return connection.response(method)

    def request(self, method, target, *headers, body=b"", host="gateway.test"):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body, method)


@contextlib.contextmanager
def serving(app):
    """The real server in a thread, with the options of the real process."""
    (port,) = free_ports(1)
    loop = asyncio.new_event_loop()
    server = Server(app, "127.0.0.1", port, **OPTIONS)

    async def run():
        await server.serve()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    running = Running(port)
    wait_for(running.accepts)
    try:
        yield running
    finally:
        for connection in running.connections:
            connection.close()
        loop.call_soon_threadsafe(server.stop)
        thread.join(20)
        loop.close()


@pytest.fixture(scope="session")
def signer():
    return TokenSigner(ISSUER)


@pytest.fixture(scope="session")
def make_tokens(signer):
    """`make_tokens(**changes)`: the tokens of a session; `lifetime` in seconds."""

    def make(lifetime=300, obtained_at=None, refresh_token="r-1", **claims):
        now = time.time()
        own = {"aud": "orders-service", "iat": int(now), "exp": int(now) + lifetime}
        token = signer.sign(signer.claims(**{**own, **claims}))
        return SessionTokens(token, refresh_token, "Alice", "alice@example.com", int(obtained_at or now))

    return make


@pytest.fixture(scope="session")
def issuer(signer):
    with FakeIssuer(signer.jwks()) as fake:
        yield fake


@pytest.fixture(scope="session")
def settings(issuer):
    def make(upstream, **more):
        urls = {"auth_url": upstream, "users_url": upstream, "orders_url": upstream}
        return Settings.read(
            **{"issuer": ISSUER, "issuer_backchannel": issuer.url, "log_level": "WARNING", **urls, **more}
        )

    return make


@pytest.fixture(scope="session")
def serve():
    return serving


@pytest.fixture(scope="session")
def start(settings):
    """`start(url, **settings)`: a gateway whose services are all at `url`, as a context."""
    return lambda url, **more: serving(create_app(settings(url, **more)))


@pytest.fixture(scope="module")
def _pair(start):
    upstream = Upstream()
    try:
        with start(upstream.url, rate_limits=False) as running:
            yield upstream, running
    finally:
        upstream.close()


@pytest.fixture
def upstream(_pair):
    _pair[0].reset()
    return _pair[0]


@pytest.fixture
def gateway(_pair, upstream):
    return _pair[1]


@pytest.fixture(scope="session")
def make_upstream():
    return Upstream


@pytest.fixture
def another_upstream():
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def bearer(signer):
    def make(audience="orders-service", **claims):
        return f"Authorization: Bearer {signer.sign(signer.claims(aud=audience, **claims))}"

    return make


@pytest.fixture
def launch(issuer, tmp_path):
    """`launch(stdout, **settings)`: the real process, with its output in the file `log` unless given."""
    started = []

    def run(stdout=None, **settings):
        urls = dict.fromkeys(("AUTH_URL", "USERS_URL", "ORDERS_URL", "ISSUER_BACKCHANNEL"), issuer.url)
        environment = {"ISSUER": "http://localhost:8080", **urls, **settings}
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=environment, cwd=tmp_path, stdout=stdout or log, stderr=log
        )
        log.close()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def ready():
    """`ready(url, process)`: True once the URL answers 200."""

    def answers(url, process):
        assert process.poll() is None
        try:
            return requests.get(url, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    return lambda url, process: wait_for(lambda: answers(url, process))


@pytest.fixture
def strict(another_upstream, settings, serve):
    """A gateway whose clients must read on within 0.3 s."""
    app = create_app(settings(another_upstream.url, rate_limits=False))
    app.unread_seconds = 0.3
    with serve(app) as running:
        yield running
