"""The stream of which process accepts the session's token, with processes whose state the test sets."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from gateway.console.poll_interval import PollInterval
from gateway.console.process_polls import ProcessPoll, Result
from gateway.console.processes import MAX_STREAMS, MAX_STREAMS_OF_SESSION, ProcessStreams
from gateway.errors import Refusal
from gateway.request import ClientGoneError, Request

SECONDS = 10


class Process:
    """A process whose answer a test sets."""

    def __init__(self, name):
        self.name = name
        self.result = Result("accepted")
        self.polls = 0
        self.polled = asyncio.Event()

    async def poll(self):
        self.polls += 1
        self.polled.set()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Client:
    """Reads a stream; `leave` ends its connection."""

    def __init__(self, method="GET"):
        self.sent = asyncio.Queue()
        self.leave = asyncio.Event()
        scope = {"method": method, "headers": [], "http_version": "1.1", "query_string": b""}
        self.request = Request(scope, self._receive, self.sent.put)
        self._requested = False

    async def _receive(self):
        if not self._requested:
            self._requested = True
            return {"type": "http.request"}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def head(self):
        return (await self.sent.get())["status"]

    async def event(self):
        """Return the name and data of the next event that is not `alive`, None at the end."""
        while body := (await self.sent.get())["body"].decode():
            name, data = (line.partition(": ")[2] for line in body.splitlines()[:2])
            if name != "alive":
                return name, json.loads(data)
        return None


class Cluster:
    """Two processes, and the streams that show them."""

    def __init__(self, calm_seconds=0.25, **options):
        self.time = 1000.0
        self.stopping = False
        self.session = "alice"
        self.processes = [Process("a"), Process("b")]
        self.interval = PollInterval(calm_seconds)
        self.streams = ProcessStreams(
            self.require,
            self.polls,
            self.interval,
            **{"now": lambda: self.time, "stopping": lambda: self.stopping} | options,
        )

    async def require(self, _request):
        claims = SimpleNamespace(session_id=self.session, token_id="t", expires_at=2000.0)
        return SimpleNamespace(access_token="token", claims=claims)

    async def polls(self, _token, _claims):
        return [ProcessPoll("jwt", "s", each.name, each.poll) for each in self.processes]

    def open(self, method="GET"):
        client = Client(method)
        client.task = asyncio.create_task(self.streams(client.request))
        return client

    async def opened(self):
        """Return a client that has the first events, with both processes accepting."""
        client = self.open()
        assert await client.head() == 200
        name, start = await client.event()
        assert (name, len(start["processes"])) == ("processes", 2)
        first = [await client.event(), await client.event()]
        assert [each["state"] for _, each in first] == ["accepted"] * 2
        return client


def run(test):
    async def limited():
        async with asyncio.timeout(SECONDS):
            await test()

    asyncio.run(limited())


def test_change_of_a_process_is_an_event():
    async def test():
        cluster = Cluster()
        client = await cluster.opened()
        cluster.processes[1].result = Result("refused", "revoked_token")
        name, change = await client.event()
        assert name == "process"
        assert change.pop("milliseconds") >= 0
        assert change == {
            "id": 1,
            "lane": "jwt",
            "service": "s",
            "address": "b",
            "state": "refused",
            "slug": "revoked_token",
        }
        client.task.cancel()

    run(test)


def test_request_that_may_end_a_session_is_followed_at_once():
    """Without it the next poll of a calm stream would be an hour away; a process that refuses is not urgent."""

    async def test():
        cluster = Cluster(3600)
        client = await cluster.opened()
        accepts, refuses = cluster.processes
        refuses.result = Result("refused", "revoked_token")
        cluster.interval.request_seen()
        assert (await client.event())[1]["state"] == "refused"
        before = refuses.polls
        for _ in range(5):
            accepts.polled.clear()
            await accepts.polled.wait()
        assert refuses.polls == before
        client.task.cancel()

    run(test)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"time": 2000.0}, "expired"), ({"time": 1121.0}, "time_limit"), ({"stopping": True}, "stopping")],
)
def test_stream_says_why_it_ends(change, reason):
    async def test():
        cluster = Cluster()
        client = await cluster.opened()
        vars(cluster).update(change)
        assert await client.event() == ("end", {"reason": reason})
        assert await client.event() is None
        await client.task

    run(test)


def test_stream_whose_client_leaves_ends():
    async def test():
        cluster = Cluster(0.001)
        client = await cluster.opened()
        client.leave.set()
        with pytest.raises(ClientGoneError):
            await client.task
        polls = [each.polls for each in cluster.processes]
        await asyncio.sleep(0.02)
        assert [each.polls for each in cluster.processes] == polls
        assert len(asyncio.all_tasks()) == 1

    run(test)


def test_stream_with_a_faulty_poll_ends():
    async def test():
        cluster = Cluster(0.001)
        client = await cluster.opened()
        cluster.processes[0].result = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await client.task

    run(test)


@pytest.mark.parametrize(("count", "one_session"), [(MAX_STREAMS_OF_SESSION, True), (MAX_STREAMS, False)])
def test_too_many_streams_are_refused(count, one_session):
    async def test():
        cluster = Cluster()
        clients = []
        for number in range(count):
            cluster.session = "alice" if one_session else str(number)
            clients.append(await cluster.opened())
        with pytest.raises(Refusal, match="close another page") as refused:
            await cluster.open().task
        assert (refused.value.slug, refused.value.kind.status) == ("too_many_requests", 429)

        clients[0].leave.set()
        with pytest.raises(ClientGoneError):
            await clients[0].task
        cluster.session = "alice" if one_session else "0"
        await cluster.opened()

    run(test)


def test_head_opens_no_stream():
    async def test():
        cluster = Cluster()
        client = cluster.open("HEAD")
        await client.task
        assert await client.head() == 200
        assert cluster.processes[0].polls == 0

    run(test)
