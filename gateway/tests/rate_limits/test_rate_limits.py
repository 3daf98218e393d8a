"""The limits of a request's route, and the headers that say what is left."""

import asyncio
from types import SimpleNamespace

import pytest
from gateway.errors import Refusal
from gateway.rate_limits.rate_limits import RateLimits, Rates
from prometheus_client import CollectorRegistry

ALICE = b'{"email": "alice@example.com"}'


class Client:
    """Sends requests from one address; `now` is the time in seconds."""

    def __init__(self, **rates):
        self.now = 1000.0
        self.registry = CollectorRegistry()
        self.limits = RateLimits(Rates(**rates), self.registry, now=lambda: self.now)

    def send(self, *limits, body=b"", pattern="/", address="192.0.2.1"):
        """Return the response's headers; `refused` is whether it is a 429."""
        request = SimpleNamespace(client=address, data=body, windows=[], limit_headers=())
        route = SimpleNamespace(pattern=pattern, limits=limits)

        async def steps():
            await self.limits.count(request, route)
            await self.limits.count_account(request, route)

        try:
            asyncio.run(steps())
        except Refusal as refusal:
            headers, refused = [*request.limit_headers, *refusal.headers], refusal.slug == "too_many_requests"
        else:
            headers, refused = request.limit_headers, False
        return SimpleNamespace(
            refused=refused, **{n.decode().replace("-", "_"): v.decode() for n, v in headers}
        )


def test_response_shows_policy_and_what_is_left():
    client = Client(client="3/minute")
    client.send("client")
    client.now += 10.5

    response = client.send("client")

    assert response.ratelimit_policy == '"client";q=3;w=60'
    assert response.ratelimit == '"client";r=1;t=50'


def test_refused_client_gets_through_after_retry_after():
    client = Client(client="2/minute")
    client.send("client")
    client.now += 7
    client.send("client")

    refused = client.send("client")
    client.now += int(refused.retry_after) - 1
    early = client.send("client")
    client.now += 1

    assert (refused.refused, refused.ratelimit, refused.retry_after) == (True, '"client";r=0;t=53', "54")
    assert early.refused
    assert not client.send("client").refused


def test_login_shows_all_limits_of_its_route():
    client = Client(client="9/minute", login="8/minute", account="7/hour")

    response = client.send("client", "login", "account", body=ALICE)

    assert response.ratelimit_policy == '"client";q=9;w=60, "login";q=8;w=60, "account";q=7;w=3600'
    assert response.ratelimit == '"client";r=8;t=60, "login";r=7;t=60, "account";r=6;t=3600'


def test_refusal_shows_only_limits_that_are_used_up():
    client = Client(client="9/minute", login="1/minute")
    client.send("client", "login")

    response = client.send("client", "login")

    assert response.ratelimit == '"login";r=0;t=60'
    assert response.ratelimit_policy == '"client";q=9;w=60, "login";q=1;w=60'
    assert client.registry.get_sample_value("rate_limit_refusals_total", {"limit": "login"}) == 1


def test_refusal_by_account_waits_for_all_used_up_limits():
    client = Client(client="2/hour", account="1/minute")
    limits = ("client", "login", "account")
    client.send(*limits, body=ALICE)

    response = client.send(*limits, body=ALICE)

    assert response.ratelimit == '"client";r=0;t=3600, "account";r=0;t=60'
    assert response.retry_after == "3601"


def test_refused_request_counts_in_no_window():
    client = Client(client="2/minute", login="1/minute")
    client.send("client", "login")
    for _ in range(5):
        assert client.send("client", "login").refused

    assert not client.send("client").refused


def test_limit_is_per_address():
    client = Client(client="1/minute")
    client.send("client")

    assert client.send("client").refused
    assert not client.send("client", address="192.0.2.2").refused


def test_account_limit_is_per_address():
    client = Client(account="1/minute")

    flood = [client.send("account", body=ALICE, address="192.0.2.66").refused for _ in range(3)]
    owner = client.send("account", body=ALICE)

    assert flood == [False, True, True]
    assert not owner.refused


def test_body_without_account_is_not_limited():
    client = Client(account="1/minute")

    responses = [client.send("client", "account", body=b"{}") for _ in range(3)]

    assert [r.refused for r in responses] == [False] * 3
    assert responses[0].ratelimit == '"client";r=5999;t=60'


def test_own_rate_of_route_is_per_route():
    client = Client()

    search = [client.send("client", "1/second", pattern="/search") for _ in range(2)]
    other = client.send("client", "1/second", pattern="/other")

    assert [r.refused for r in search] == [False, True]
    assert search[0].ratelimit == '"client";r=5999;t=60, "1/second";r=0;t=1'
    assert not other.refused


def test_route_without_limits_has_no_headers():
    assert vars(Client().send()) == {"refused": False}


@pytest.mark.parametrize("rate", ["2/minute", "2 per 1 minute", "2/1 minute"])
def test_rate_can_be_spelled_in_several_ways(rate):
    assert Client(client=rate).send("client").ratelimit_policy == '"client";q=2;w=60'
