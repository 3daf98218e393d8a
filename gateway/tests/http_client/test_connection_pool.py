"""Connections to the services: which are kept, and what a service may say on them."""

import socket
import time

import pytest
from gateway.http_client.exchange import MAX_HEAD


def get(gateway, method="GET"):
    return gateway.request(method, "/products")


def test_connection_is_reused(gateway, upstream):
    get(gateway)
    before = upstream.connections
    responses = [get(gateway).status for _ in range(3)]

    assert responses == [200, 200, 200]
    assert upstream.connections == before


@pytest.mark.parametrize("line", ["Connection: close", "Transfer-Encoding: chunked"])
def test_connection_in_doubt_is_not_reused(another_upstream, start, line):
    another_upstream.respond = lambda _r, c: (
        another_upstream.say(c, b"ok", "200 OK", line)
        if "close" in line
        else c.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"
        )
    )
    with start(another_upstream.url) as gateway:
        responses = [get(gateway).body for _ in range(2)]

    assert responses == [b"ok", b"ok"]
    assert another_upstream.connections == 2


def test_closed_connection_is_not_reused(another_upstream, start):
    def once(_request, connection):
        another_upstream.say(connection, b"ok")
        connection.shutdown(socket.SHUT_RDWR)

    another_upstream.respond = once
    with start(another_upstream.url) as gateway:
        responses = []
        for _ in range(3):
            responses.append(get(gateway).status)
            time.sleep(0.05)

    assert responses == [200, 200, 200]
    assert len(another_upstream.seen) == 3


def test_unsolicited_response_ends_connection(another_upstream, start):
    kept = []

    def keep(_request, connection):
        kept.append(connection)
        another_upstream.say(connection, b"ok")

    another_upstream.respond = keep
    with start(another_upstream.url) as gateway:
        get(gateway)
        kept[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        assert another_upstream.gone.wait(5)
        assert get(gateway).body == b"ok"


def test_response_without_length_is_complete(gateway, upstream):
    def until_the_end(_request, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        connection.shutdown(socket.SHUT_WR)

    upstream.respond = until_the_end

    assert get(gateway).body == b"all of it"


def test_head_response_ends_with_its_head(gateway, upstream):
    upstream.respond = lambda _r, c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    responses = [get(gateway, "HEAD") for _ in range(2)]

    assert [(a.status, a["content-length"]) for a in responses] == [(200, "5")] * 2


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5 * MAX_HEAD,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhm",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_HEAD // 8),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_ambiguous_response_is_502(another_upstream, start, said):
    another_upstream.respond = lambda _r, c: c.sendall(said)
    with start(another_upstream.url) as gateway:
        response = get(gateway)

    assert (response.status, response.problem()) == (502, "bad_gateway")
