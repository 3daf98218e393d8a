"""SIGTERM with DRAIN_SECONDS, at the real process: others notice it before the end."""

import signal
import socket
import threading

import pytest
import requests
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamEnded
from testkit.cluster import free_ports
from testkit.concurrency import wait_for


class Server:
    """A gateway that is ready."""

    def __init__(self, launch, ready, **settings):
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.process = launch(GATEWAY_PORT=str(port), RATE_LIMITS="off", **settings)
        ready(f"{self.url}/readyz", self.process)

    def get(self, path, session=requests):
        return session.get(self.url + path, timeout=10)

    def drains(self):
        return self.get("/readyz").status_code == 503


@pytest.fixture
def run(launch, ready):
    """`run(**settings)`: a gateway at a free port."""
    return lambda **settings: Server(launch, ready, **settings)


def test_requests_are_served_while_draining(run):
    server = run(DRAIN_SECONDS="3")
    kept = requests.Session()
    before = server.get("/livez", kept)
    server.process.send_signal(signal.SIGTERM)
    wait_for(server.drains)
    on_kept = server.get("/livez", kept)
    new = server.get("/readyz")

    assert "Connection" not in before.headers
    assert (on_kept.status_code, on_kept.headers["Connection"]) == (200, "close")
    assert new.json()["reasons"]["server"]
    assert new.headers["Connection"] == "close"
    assert server.process.wait(30) == 0


class Http2Client:
    """One HTTP/2 connection, with prior knowledge."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._connection = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._authority = f"127.0.0.1:{port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def get(self, path):
        """Return the headers of the response."""
        names = {":method": "GET", ":path": path, ":scheme": "http", ":authority": self._authority}
        stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(stream, list(names.items()), end_stream=True)
        seen = []
        while not any(isinstance(each, StreamEnded) for each in seen):
            self._socket.sendall(self._connection.data_to_send())
            data = self._socket.recv(65536)
            assert data
            seen += self._connection.receive_data(data)
        return next(dict(each.headers) for each in seen if isinstance(each, ResponseReceived))


def test_http2_is_served_while_draining(run):
    server = run(DRAIN_SECONDS="3")
    with Http2Client(int(server.url.rpartition(":")[2])) as client:
        before = client.get("/livez")
        server.process.send_signal(signal.SIGTERM)
        wait_for(server.drains)
        during = [client.get(path) for path in ("/readyz", "/livez")]

    assert [each[":status"] for each in (before, *during)] == ["200", "503", "200"]
    assert not any("connection" in each for each in during)  # RFC 9113 section 8.2.2
    assert server.process.wait(30) == 0


def test_request_under_way_completes(run, another_upstream):
    asked, may_answer = threading.Event(), threading.Event()

    def respond(_request, connection):
        asked.set()
        may_answer.wait(20)
        another_upstream.say(connection, b"{}")

    another_upstream.respond = respond
    server = run(DRAIN_SECONDS="1", ORDERS_URL=another_upstream.url)
    answers = []
    client = threading.Thread(target=lambda: answers.append(server.get("/products")))
    client.start()
    assert asked.wait(20)
    server.process.send_signal(signal.SIGTERM)
    wait_for(server.drains)
    may_answer.set()
    client.join(20)

    assert answers[0].status_code == 200
    assert server.process.wait(30) == 0


def test_end_without_drain_seconds_is_at_once(run):
    server = run(DRAIN_SECONDS="0")
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(30) == 0
    with pytest.raises(requests.ConnectionError):
        server.get("/livez")
