"""Who the client is: the headers of trusted proxies, read from the right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_kit.client_address import (
    MAX_HOP,
    MAX_HOPS,
    AmbiguousClientError,
    Client,
    TrustedProxies,
    parse_networks,
)

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
PROXIES = TrustedProxies(parse_networks("10.0.0.0/24, 2001:db8:0:1::/64,192.0.2.1"))


def client(peer=PROXY, *, scheme="http", forwarded_for="", forwarded="", proto=""):
    return PROXIES.client(peer, scheme, forwarded_for=forwarded_for, forwarded=forwarded, proto=proto)


ADDRESSES = st.ip_addresses().map(str)
ELEMENTS = (
    st.text(max_size=30)
    | ADDRESSES
    | st.sampled_from(['for="', "for=1.1.1.1", "unknown", "a=\\", '"', ";", "\\"])
)
PREFIXES = st.lists(ELEMENTS, max_size=4).map(",".join)
OUTSIDE = ADDRESSES.filter(lambda address: not PROXIES.trusts(Client(address, "").address))


@given(ADDRESSES | st.text(max_size=20), PREFIXES, PREFIXES, st.text(max_size=9))
def test_untrusted_peer_changes_nothing(peer, forwarded_for, forwarded, proto):
    found = client(peer, forwarded_for=forwarded_for, forwarded=forwarded, proto=proto)
    if not PROXIES.trusts(client(peer).address):
        assert found == client(peer)


@given(PREFIXES, OUTSIDE, st.booleans())
def test_prefix_of_client_changes_nothing(prefix, outside, through_two):
    """Whatever the client sends, the address that the trusted proxies append to it counts."""
    second = ", 10.0.0.9" if through_two else ""
    expected = client(outside).address
    assert client(forwarded_for=f"{prefix}, {outside}{second}").address == expected
    node = f'"[{outside}]:80"' if ":" in outside else outside
    second = ";proto=http, for=10.0.0.9" if through_two else ""
    assert client(forwarded=f"{prefix}, for={node}{second}").address == expected


@given(
    PREFIXES,
    st.sampled_from(["unknown", "_hidden", "", "for=x", "1.2.3.4.5", "[::1", "1.2.3.4:x", "::1%eth0"]),
)
def test_no_address_ends_walk(prefix, node):
    assert client(forwarded_for=f"{prefix},{node}, 10.0.0.9").address == "10.0.0.9"
    assert client(forwarded=f"{prefix},for={node}, for=10.0.0.9").address == "10.0.0.9"


@given(st.text(), st.text(), st.text(), st.text(max_size=50))
def test_any_text_has_a_client(forwarded_for, forwarded, proto, peer):
    for given_for, given_forwarded in ((forwarded_for, ""), ("", forwarded)):
        found = client(peer, forwarded_for=given_for, forwarded=given_forwarded, proto=proto)
        assert found.scheme in {"http", "https"}


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", PROXY),
        ("  ", PROXY),
        (CLIENT, CLIENT),
        (f"6.6.6.6, {CLIENT}", CLIENT),
        (f"6.6.6.6,{CLIENT}\t, 10.0.0.7,192.0.2.1", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443, 2001:db8:0:1::1", "2001:db8::7"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"[::ffff:{CLIENT}]:1, ::ffff:10.0.0.7", CLIENT),
        ("10.0.0.8", "10.0.0.8"),
        ("10.0.0.8, 10.0.0.7", "10.0.0.8"),
        ("unknown", PROXY),
        ("6.6.6.6, unknown, 10.0.0.7", "10.0.0.7"),
        ("6.6.6.6, , 10.0.0.7", "10.0.0.7"),
        ("6.6.6.6 10.0.0.7", PROXY),
        ('"6.6.6.6"', PROXY),
        ("06.6.6.6", PROXY),
        ("6.6.6.6:123456", PROXY),
        ("6.6.6.6/32", PROXY),
    ],
)  # fmt: skip
def test_right_most_untrusted_x_forwarded_for(value, address):
    assert client(forwarded_for=value).address == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        (f"For={CLIENT};proto=https;by=10.0.0.1", CLIENT),
        (f'by=_x ; for="{CLIENT}:4711";host="a b"', CLIENT),
        (f"for=6.6.6.6, for={CLIENT}, for=10.0.0.7", CLIENT),
        ('for="[2001:db8::7]:443"', "2001:db8::7"),
        ("for=[2001:db8::7]", "2001:db8::7"),
        ("for=6.6.6.6, for=unknown, for=10.0.0.7", "10.0.0.7"),
        ("for=_hidden", PROXY),
        ("proto=https", PROXY),
        ("for=6.6.6.6;for=7.7.7.7", PROXY),
        ("for=6.6.6.6;", PROXY),
        ("for = 6.6.6.6", PROXY),
        (r'for="6.6.6.\6"', PROXY),
        (f'host="x,for=6.6.6.6;y=z";for={CLIENT}', PROXY),
        (f'for={CLIENT};host="x,for=6.6.6.6;y=z"', PROXY),
        (f'for={CLIENT};host="x;for=6.6.6.6;y=z"', PROXY),
        (f'for=", for={CLIENT}', CLIENT),
    ],
)  # fmt: skip
def test_right_most_untrusted_forwarded(value, address):
    """RFC 7239 section 4; what a proxy quotes may be the client's text, such as a host."""
    assert client(forwarded=value).address == address


def test_hops_and_lengths_are_bounded():
    hops = [f"10.0.0.{number}" for number in range(MAX_HOPS + 1, 0, -1)]
    assert client(forwarded_for=", ".join([CLIENT, *hops[1:]])).address == CLIENT
    assert client(forwarded_for=", ".join([CLIENT, *hops])).address == hops[1]
    assert client(forwarded_for=f"{' ' * MAX_HOP}{CLIENT}, 10.0.0.7").address == "10.0.0.7"


def test_two_headers_must_agree():
    assert client(forwarded_for=f"6.6.6.6, {CLIENT}", forwarded=f"for={CLIENT}").address == CLIENT
    assert client(forwarded_for=CLIENT, forwarded=" ").address == CLIENT
    for forwarded in ("for=6.6.6.6", "for=unknown", "x"):
        with pytest.raises(AmbiguousClientError):
            client(forwarded_for=CLIENT, forwarded=forwarded)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("https", "https"), ("HTTPS ", "https"), ("https, http", "http"), ("http,https", "https"), ("ftp", "http"),
     ("", "http"), ("https,", "http"), ("https;", "http")],
)  # fmt: skip
def test_right_most_forwarded_scheme(value, scheme):
    assert client(proto=value).scheme == scheme


def test_connection_has_scheme_by_default():
    assert client(scheme="https", proto="wss") == (PROXY, "https")
    assert client(scheme="https", proto="http") == (PROXY, "http")


@pytest.mark.parametrize("peer", ["", "x", "unix:/run/socket"])
def test_peer_without_address_is_not_trusted(peer):
    """The peer at a Unix socket."""
    assert client(peer, forwarded_for=CLIENT, proto="https") == ("", "http")


def test_peer_has_one_form():
    assert client(f"::ffff:{CLIENT}").address == CLIENT
    assert client("fe80::1%eth0").address == "fe80::1"
    assert client("::ffff:10.0.0.1", forwarded_for=CLIENT).address == CLIENT


def test_without_networks_no_peer_is_trusted():
    proxies = TrustedProxies()
    assert proxies.client("::1", "http", forwarded_for=CLIENT, forwarded="x", proto="https") == (
        "::1",
        "http",
    )
