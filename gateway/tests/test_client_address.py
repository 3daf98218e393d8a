"""Who the client is: only trusted proxies may say so, in whatever way the client forges their headers."""

import pytest
from gateway.client_address import set_client
from gateway.errors import Refusal
from gateway.request import Request
from service_kit.client_address import TrustedProxies, parse_networks

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
FORGED = [
    [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")],
    [(b"forwarded", b"for=203.0.113.7;proto=https")],
    [(b"x-forwarded-for", b"203.0.113.7"), (b"forwarded", b"for=192.0.2.1")],
    [(b"x_forwarded_for", b"203.0.113.7"), (b"x-real-ip", b"203.0.113.7")],
]


@pytest.fixture
def find():
    """`find(headers, peer, networks)`: the address and scheme that the gateway finds and passes on."""

    def find(headers, peer=PROXY, networks="10.0.0.0/24"):
        client = peer and (peer, 4711)
        scope = {"method": "GET", "scheme": "http", "client": client, "headers": [(b"host", b"x"), *headers]}
        request = Request(scope, None, None)
        set_client(request, TrustedProxies(parse_networks(networks) if networks else ()))
        lines = dict(
            line.split(b": ", 1)
            for line in request.headers.forwarded(request.client, request.scheme, request.request_id)
        )
        assert lines[b"x-forwarded-for"] == request.client.encode()
        assert lines[b"x-forwarded-proto"] == request.scheme.encode()
        assert b"forwarded" not in lines
        return request.client, request.scheme

    return find


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize(("peer", "networks"), [("10.0.1.1", "10.0.0.0/24"), (PROXY, "")])
def test_untrusted_peer_is_the_client(find, headers, peer, networks):
    assert find(headers, peer, networks) == (peer, "http")


def test_trusted_proxy_names_the_client(find):
    lines = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-proto", b"https")]
    assert find([*lines, (b"x-forwarded-for", b"203.0.113.7, 10.0.0.2")]) == (CLIENT, "https")
    assert find([(b"forwarded", b"for=6.6.6.6"), (b"forwarded", b"for=203.0.113.7")]) == (CLIENT, "http")


def test_connection_cannot_remove_forwarded_header(find):
    """CVE-2025-48865 (Fabio)."""
    named = [(b"connection", b"x-forwarded-for, forwarded, x-forwarded-proto")]
    headers = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")]
    assert find([*named, *headers]) == (CLIENT, "https")


def test_other_spelling_does_not_count(find):
    assert find([(b"x_forwarded_for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.7")]) == (CLIENT, "http")


def test_two_clients_are_refused(find):
    with pytest.raises(Refusal) as refused:
        find([(b"x-forwarded-for", b"203.0.113.7"), (b"forwarded", b"for=6.6.6.6")])
    assert refused.value.kind.status == 400
    assert "must set one and remove the other" in str(refused.value)


def test_unix_socket_peer_is_not_trusted(find):
    assert find([(b"x-forwarded-for", b"203.0.113.7")], peer=None) == ("", "http")
