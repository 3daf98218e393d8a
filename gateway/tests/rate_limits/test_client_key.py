"""What counts as one client and as one account."""

import pytest
from gateway.rate_limits.client_key import account_of, network


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "invalid", True),
    ],
)
def test_ipv6_network_is_one_client(first, second, same):
    assert (network(first) == network(second)) == same


@pytest.mark.parametrize(
    ("body", "account"),
    [
        (b'{"email": " Alice@Example.com "}', "alice@example.com"),
        (b"email=alice%40example.com&password=x", "alice@example.com"),
        (b'{"email": 5}', None),
        (b'{"email": ""}', None),
        (b'{"email": "a", "email": "b"}', None),
        (b"{", None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
        (b"&".join([b"a=1"] * 40), None),
        (b'{"email": "\\ud800"}', None),
    ],
)
def test_account_is_normalized(body, account):
    assert account_of(body) == account
