"""Windows in a real Valkey (or Redis), stopped, started and slow."""

import asyncio
import contextlib

import pytest
from gateway.rate_limits.limit import Limit
from gateway.rate_limits.moving_windows import MovingWindows
from gateway.rate_limits.shared_windows import SharedWindows, client
from structlog.testing import capture_logs
from testkit.concurrency import wait_for
from testkit.proxy import FaultyProxy
from testkit.valkey import ValkeyServer

LOST, FOUND = "rate limits are not shared: Valkey does not answer", "rate limits are shared again"


@contextlib.asynccontextmanager
async def windows_at(url, states=None, answer_seconds=5.0):
    states = [] if states is None else states
    shared = SharedWindows(client(url), MovingWindows(lambda: 0.0), states.append, answer_seconds)
    try:
        yield shared
    finally:
        await shared.close()


async def until(condition):
    await asyncio.to_thread(wait_for, condition)


def test_processes_share_one_window(valkey_server):
    limit = Limit("client", 3, 60)

    async def hits():
        async with windows_at(valkey_server.url) as one, windows_at(valkey_server.url) as other:
            return [await each.hit([(limit, "shared")]) for each in (one, other, one, other)]

    *passed, (allowed, ((_, used, seconds),)) = asyncio.run(hits())

    assert [(verdict, windows[0][1]) for verdict, windows in passed] == [(True, 1), (True, 2), (True, 3)]
    assert (allowed, used) == (False, 3)
    assert 50 < seconds <= 60


def test_requests_at_once_are_counted_exactly(valkey_server):
    limit = Limit("client", 150, 60)

    async def hits():
        async with windows_at(valkey_server.url) as one, windows_at(valkey_server.url) as other:
            calls = [each.hit([(limit, "at once")]) for each in (one, other) for _ in range(100)]
            return await asyncio.gather(*calls)

    verdicts = asyncio.run(hits())

    assert sorted(windows[0][1] for allowed, windows in verdicts if allowed) == list(range(1, 151))


def test_full_window_lets_the_others_uncounted(valkey_server):
    login, client_limit = Limit("login", 1, 60), Limit("client", 9, 60)

    async def hits():
        async with windows_at(valkey_server.url) as windows:
            return [await windows.hit([(client_limit, "both"), (login, "both")]) for _ in range(3)]

    verdicts = asyncio.run(hits())

    assert [allowed for allowed, _ in verdicts] == [True, False, False]
    assert [[used for _, used, _ in windows] for _, windows in verdicts] == [[1, 1]] * 3


def test_window_moves(valkey_server):
    """The first request leaves the window after its period, whatever came since."""
    limit = Limit("client", 2, 1)

    async def hits():
        async with windows_at(valkey_server.url) as windows:
            first = [(await windows.hit([(limit, "moves")]))[0] for _ in range(3)]
            for _ in range(200):
                again = await windows.hit([(limit, "moves")])
                if again[0]:
                    break
                await asyncio.sleep(0.05)
        return first, again

    first, (_, ((_, used, _),)) = asyncio.run(hits())

    assert first == [True, True, False]
    assert 1 <= used <= 2


def test_valkey_lost_and_found_is_logged_once():
    limit, states = Limit("client", 2, 60), []

    async def hits(server):
        async with windows_at(server.url, states) as windows:
            before = [(await windows.hit([(limit, "a")]))[0] for _ in range(3)]
            server.stop()
            without = await asyncio.gather(*(windows.hit([(limit, "a")]) for _ in range(4)))
            server.start()
            await until(lambda: states == [False, True])
            after = [(await windows.hit([(limit, "a")]))[0] for _ in range(3)]
        return before, [allowed for allowed, _ in without], after

    with ValkeyServer() as server, capture_logs() as logs:
        before, without, after = asyncio.run(hits(server))

    assert before == after == [True, True, False]
    assert without == [True, True, False, False]  # this process counts for itself
    assert [line["event"] for line in logs] == [LOST, FOUND]


@pytest.mark.parametrize("mode", ["blackhole", "refuse", "reset", "garbage"])
def test_broken_valkey_leaves_each_process_counting(valkey_server, mode):
    limit, states = Limit("client", 2, 60), []

    async def hits(url, proxy):
        async with windows_at(url, states, 0.1) as windows:
            verdicts = await asyncio.gather(*(windows.hit([(limit, mode)]) for _ in range(3)))
            tried = proxy.connections
            later = [await windows.hit([(limit, mode)]) for _ in range(100)]
        return (
            [allowed for allowed, _ in verdicts],
            {allowed for allowed, _ in later},
            proxy.connections - tried,
        )

    with FaultyProxy(("127.0.0.1", valkey_server.port), mode) as proxy, capture_logs() as logs:
        verdicts, later, more = asyncio.run(hits(proxy.url.replace("http", "valkey"), proxy))

    assert (verdicts, later, more) == ([True, True, False], {False}, 0)
    assert (states, [line["event"] for line in logs]) == ([False], [LOST])


def test_late_answer_is_not_taken_for_another(valkey_server):
    limit, states = Limit("client", 9, 60), []

    async def hits(proxy):
        async with windows_at(proxy.url.replace("http", "valkey"), states, 0.1) as windows:
            await windows.hit([(limit, "late")])
            proxy.mode = "pass"
            await until(lambda: states == [False, True])
            return [(await windows.hit([(limit, key)]))[1][0][1] for key in ("x", "x", "y")]

    with FaultyProxy(("127.0.0.1", valkey_server.port), "delay", delay=0.5) as proxy:
        used = asyncio.run(hits(proxy))

    assert used == [1, 2, 1]


def test_cancelled_request_leaves_others_in_order(valkey_server):
    limit = Limit("client", 9, 60)

    async def hits():
        async with windows_at(valkey_server.url) as windows:
            gone = asyncio.create_task(windows.hit([(limit, "gone")]))
            kept = asyncio.create_task(windows.hit([(limit, "kept")]))
            await asyncio.sleep(0)
            gone.cancel()
            return (await kept)[1][0][1]

    assert asyncio.run(hits()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "carrier-pigeon://host",
        "valkey://",
        "unix:///run/valkey",
        "valkey://host?unknown=1",
        "valkey://host?db=x",
        "",
    ],
)
def test_url_of_another_kind_is_refused(url):
    with pytest.raises(ValueError, match=r"must|Invalid"):
        client(url)


@pytest.mark.parametrize("scheme", ["valkeys", "rediss"])
def test_name_in_certificate_is_checked(scheme):
    assert client(f"{scheme}://host").connection_pool.make_connection().check_hostname


@pytest.mark.parametrize("url", ["valkey://host:6379", "redis://:password@host/1", "valkey://[::1]:6379"])
def test_url_of_server_is_accepted(url):
    client(url)
