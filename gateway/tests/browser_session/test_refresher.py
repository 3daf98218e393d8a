"""One refresh for all requests of a session."""

import asyncio
import gc
import weakref

import pytest
from gateway.browser_session import refresher as module
from gateway.browser_session.issuer_client import GrantRefusedError
from gateway.browser_session.refresher import KEEP_SECONDS, RETRY_SECONDS, Refresher
from gateway.errors import Refusal

OLD = 1_000_000.0  # when the tokens of these tests were obtained
DUE, EXPIRED = OLD + 250, OLD + 310


class Issuer:
    """Refreshes when `go` is set; `failure` is raised instead, if there is one."""

    def __init__(self, make_tokens):
        self.clock = DUE
        self.calls = 0
        self.failure = None
        self.go = asyncio.Event()
        self.go.set()
        self._make_tokens = make_tokens

    def now(self):
        return self.clock

    async def refresh(self, _, tokens):
        self.calls += 1
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        return self._make_tokens(obtained_at=self.clock, refresh_token=f"{tokens.refresh_token}+")


@pytest.fixture
def issuer(make_tokens):
    return Issuer(make_tokens)


@pytest.fixture
def refresher(issuer):
    return Refresher(issuer.refresh, issuer.now)


@pytest.fixture
def tokens(make_tokens):
    return make_tokens(obtained_at=OLD)


def test_tokens_that_are_not_due_stay(refresher, issuer, tokens):
    issuer.clock = OLD + 10

    assert asyncio.run(refresher.current(None, tokens)) is tokens
    assert issuer.calls == 0


def test_fifty_requests_cause_one_refresh(refresher, issuer, tokens):
    async def run():
        issuer.go.clear()
        tasks = [asyncio.create_task(refresher.current(None, tokens)) for _ in range(50)]
        await asyncio.sleep(0)
        issuer.go.set()
        return await asyncio.gather(*tasks)

    found = asyncio.run(run())

    assert issuer.calls == 1
    assert {each.refresh_token for each in found} == {"r-1+"}


def test_earlier_cookie_gets_same_successor(refresher, issuer, tokens):
    async def run():
        first = await refresher.current(None, tokens)
        issuer.clock += 100
        return first, await refresher.current(None, tokens)

    first, second = asyncio.run(run())

    assert first is second
    assert issuer.calls == 1


def test_cookie_two_refreshes_back_gets_the_last(refresher, issuer, tokens):
    async def run():
        await refresher.current(None, tokens)
        issuer.clock += 250
        last = await refresher.current(None, tokens)
        return last, await refresher.current(None, tokens)

    last, again = asyncio.run(run())

    assert last is again
    assert (last.refresh_token, issuer.calls) == ("r-1++", 2)


def test_successor_is_not_kept_for_long(refresher, issuer, tokens, make_tokens):
    async def run():
        await refresher.current(None, tokens)
        issuer.clock += KEEP_SECONDS + 1
        await refresher.current(None, make_tokens(obtained_at=OLD, refresh_token="other"))
        await refresher.current(None, tokens)

    asyncio.run(run())

    assert issuer.calls == 3


def test_valid_tokens_stay_while_issuer_is_down(refresher, issuer, tokens):
    issuer.failure = Refusal("upstream_unavailable", "down")

    async def run():
        return [await refresher.current(None, tokens) for _ in range(3)]

    assert asyncio.run(run()) == [tokens] * 3
    assert issuer.calls == 1  # not one for each request


def test_refresh_is_tried_again_after_a_failure(refresher, issuer, tokens):
    issuer.failure = Refusal("upstream_unavailable", "down")

    async def run():
        await refresher.current(None, tokens)
        issuer.clock, issuer.failure = issuer.clock + RETRY_SECONDS, None
        return await refresher.current(None, tokens)

    assert asyncio.run(run()).refresh_token == "r-1+"


def test_expired_tokens_need_the_issuer(refresher, issuer, tokens):
    issuer.clock, issuer.failure = EXPIRED, Refusal("upstream_unavailable", "down")

    with pytest.raises(Refusal) as refused:
        asyncio.run(refresher.current(None, tokens))
    assert refused.value.slug == "upstream_unavailable"


def test_failure_keeps_no_request_in_memory(refresher, issuer, tokens):
    class Request:
        pass

    async def run():
        requests = [Request() for _ in range(3)]
        running = [refresher.current(request, tokens) for request in requests]
        assert {type(each) for each in await asyncio.gather(*running, return_exceptions=True)} == {Refusal}
        return [weakref.ref(request) for request in requests]

    issuer.clock, issuer.failure = EXPIRED, Refusal("upstream_unavailable", "down")
    found = asyncio.run(run())
    issuer.failure = None  # as the real one, which is made for each call
    gc.collect()

    assert [each() for each in found] == [None] * 3


def test_slow_issuer_does_not_hold_valid_tokens(refresher, issuer, tokens, monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)

    async def run():
        issuer.go.clear()
        return await refresher.current(None, tokens)

    assert asyncio.run(run()) is tokens


def test_refused_refresh_ends_the_session(refresher, issuer, tokens):
    issuer.failure = GrantRefusedError()

    with pytest.raises(GrantRefusedError):
        asyncio.run(refresher.current(None, tokens))


def test_successor_can_be_asked_for_at_any_time(refresher, issuer, tokens):
    issuer.clock = OLD + 10

    async def run():
        return await refresher.successor(None, tokens), await refresher.successor(None, tokens)

    one, other = asyncio.run(run())

    assert one is other
    assert issuer.calls == 1


def test_clock_behind_the_issuer_refreshes_once(refresher, issuer, make_tokens):
    tokens = make_tokens(obtained_at=OLD, iat=int(OLD) + 9000, exp=int(OLD) + 9300)

    successor = asyncio.run(refresher.current(None, tokens))

    assert not successor.is_due(issuer.clock)
