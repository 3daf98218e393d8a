"""A service under each WSGI and ASGI server: truncated bodies do nothing, and stalled ones time out."""

import json
import socket
import struct
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from testkit.cluster import SERVICES
from testkit.issuer import FakeIssuer
from testkit.token_signer import TokenSigner

BODY = json.dumps({"name": "Half"}).encode()
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
FRAMINGS = {
    "length": b"Content-Length: %d\r\n\r\n%b" % (len(BODY) + 40, BODY),
    "no last chunk": b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK,
    "last chunk cut": b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"0\r\n",
    "broken size": b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"xyz\r\n\r\n",
    "chunk too short": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(BODY) + 9, BODY),
}
WHOLE = {
    "length": b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"0\r\n\r\n",
}
APP = "users_service.wsgi:app"
SERVERS = {
    "granian": SERVICES["users-service"].command(0)[2:],  # "0" becomes the port
    "flask run": ["flask", "--app", "users_service.wsgi", "run", "--port", "{port}"],
    "gunicorn sync": ["gunicorn", "--no-control-socket", "-k", "sync", "-b", "127.0.0.1:{port}", APP],
    "gunicorn gthread": ["gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "4", "-b", "127.0.0.1:{port}", APP],
}  # fmt: skip


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer(signer=TokenSigner("http://localhost:8080", audience="users-service")) as issuer:
        yield issuer


@pytest.fixture(scope="module", params=list(SERVERS))
def service(request, launch, ready, issuer, client_at, tmp_path_factory):
    """`service.send(framing)`: a connection on which a PATCH of the profile was sent; `service.name()`: its name."""
    folder = tmp_path_factory.mktemp("service")
    settings = {
        "ISSUER": issuer.signer.issuer,
        "ISSUER_BACKCHANNEL": issuer.url,
        "DATABASE_URL": f"sqlite:///{folder / 'own.db'}",
        "BODY_TIMEOUT": "1",
    }
    command = ["{port}" if word == "0" else word for word in SERVERS[request.param]]
    url = ready(launch(*command, **settings)).url
    token = issuer.signer.sign(issuer.signer.claims(scope="profile:read profile:write"))
    head = f"PATCH /users/me HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
    parts = urlsplit(url)

    @contextmanager
    def send(framing):
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
            connection.sendall(head.encode() + framing)
            yield connection

    def name():
        return client_at(url)("GET", "/users/me", token=token).json()["name"]

    return SimpleNamespace(send=send, name=name, url=url)


def status(connection):
    """Return the status of the answer, None if the connection was closed without one."""
    with connection.makefile("rb") as stream:
        first = stream.readline()
    return int(first.split()[1]) if first else None


@pytest.mark.parametrize("framing", list(FRAMINGS))
def test_truncated_body_is_refused(service, framing):
    with service.send(FRAMINGS[framing]) as connection:
        connection.shutdown(socket.SHUT_WR)

        assert status(connection) in {400, None}
    assert service.name() != "Half"


@pytest.mark.parametrize("framing", list(FRAMINGS))
@pytest.mark.parametrize("end", ["close", "reset"])
def test_disconnect_within_body_changes_nothing(service, framing, end):
    with service.send(FRAMINGS[framing]) as connection:
        if end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert service.name() != "Half"


@pytest.mark.parametrize("framing", ["length", "no last chunk"])
def test_stalled_body_times_out(service, framing):
    with service.send(FRAMINGS[framing]) as connection:
        assert status(connection) in {408, None}
    assert service.name() != "Half"


def test_data_after_broken_body_is_no_request(service):
    follows = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with service.send(FRAMINGS["broken size"] + follows) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b'{"status":"alive"}' not in answer


def test_whole_body_in_pieces_is_accepted(service):
    for framing, cut in (("chunks", 12), ("length", 30)):
        data = WHOLE[framing]
        with service.send(data[:cut]) as connection:
            connection.sendall(data[cut:])

            assert status(connection) == 200, framing
    assert service.name() == "Half"
