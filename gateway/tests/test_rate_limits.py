"""Rate limits."""

import asyncio

import pytest
from gateway.errors import Refusal
from gateway.rate_limits import FixedWindows, RateLimits, Rates, account_of
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter


def hits(coroutines):
    async def run():
        results = []
        for make in coroutines:
            try:
                await make()
            except Refusal as refusal:
                results.append(refusal)
            else:
                results.append(None)
        return results

    return asyncio.run(run())


def test_rate_exceeded_is_429_with_retry_after():
    limits = RateLimits(Rates(client="2/minute"))

    *passed, refused = hits([lambda: limits.client("192.0.2.1")] * 3)

    assert passed == [None, None]
    assert refused.slug == "too_many_requests"
    assert 1 <= int(dict(refused.headers)[b"retry-after"]) <= 61


def test_rate_limit_is_per_address():
    limits = RateLimits(Rates(client="1/minute", login="1/minute"))

    assert (
        hits(
            [
                lambda: limits.client("192.0.2.1"),
                lambda: limits.client("192.0.2.2"),
                lambda: limits.login("192.0.2.1"),
            ]
        )
        == [None] * 3
    )


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "invalid", True),
    ],
)
def test_ipv6_network_is_one_client(first, second, same):
    limits = RateLimits(Rates(client="1/minute"))

    _, again = hits([lambda: limits.client(first), lambda: limits.client(second)])

    assert (again is not None) == same


def test_account_limit_is_per_address():
    limits = RateLimits(Rates(account="1/minute"))
    body = b'{"email": "alice@example.com"}'

    flood = hits([lambda: limits.account("192.0.2.66", body)] * 3)
    owner = hits([lambda: limits.account("192.0.2.1", body)])

    assert [f is None for f in flood] == [True, False, False]
    assert owner == [None]


def test_body_without_account_is_not_limited():
    limits = RateLimits(Rates(account="1/minute"))

    assert hits([lambda: limits.account("192.0.2.1", b"{}")] * 3) == [None] * 3


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


class Broken(MemoryStorage):
    async def incr(self, *_args, **_options):
        raise ConnectionError("the store is gone")


def test_storage_down_counts_in_memory():
    limits = RateLimits(Rates(client="1/minute"))
    limits._shared = FixedWindowRateLimiter(Broken())

    first, second = hits([lambda: limits.client("192.0.2.1")] * 2)

    assert first is None
    assert second.slug == "too_many_requests"


def test_shared_storage_counts_for_all_gateways():
    shared = FixedWindowRateLimiter(MemoryStorage())
    one, other = RateLimits(Rates(client="1/minute")), RateLimits(Rates(client="1/minute"))
    one._shared = other._shared = shared

    first, second = hits([lambda: one.client("192.0.2.1"), lambda: other.client("192.0.2.1")])

    assert first is None
    assert 1 <= int(dict(second.headers)[b"retry-after"]) <= 61


def test_rate_limit_window_ends():
    now = [1000.0]
    windows, item = FixedWindows(lambda: now[0]), parse("1/minute")

    results = [windows.hit(item, ("a",)), windows.hit(item, ("a",))]
    now[0] += 60

    assert results == [None, 60.0]
    assert windows.hit(item, ("a",)) is None


def test_rate_limit_memory_is_bounded():
    windows, item = FixedWindows(lambda: 0.0, size=10), parse("1/minute")

    for number in range(100):
        windows.hit(item, (str(number),))

    assert len(windows._windows) == 10
    assert windows.hit(item, ("99",)) is not None
