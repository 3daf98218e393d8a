"""The addresses of a service: spread, dead ones, those that are not ready, and look-ups that fail."""

import asyncio
import contextlib
import socket
from collections import Counter

import pytest
from gateway.errors import Refusal
from gateway.http_client.addresses import Addresses
from gateway.http_client.connection_pool import ConnectionPool
from gateway.http_client.exchange import UpstreamError, UpstreamRequest
from gateway.http_client.upstreams import Upstream
from testkit.cluster import free_ports

HOSTS = ("127.0.0.1", "127.0.0.2")


class Replica:
    """A service at one address: 503 at /readyz while it is not `ready`, no response to others while it is `mute`."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.ready, self.mute = True, False
        self.requests = []
        self._server = None
        self._open = {}

    async def start(self):
        self._server = await asyncio.start_server(self._serve, self.host, self.port)

    async def stop(self):
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    async def _serve(self, reader, writer):
        self._open[asyncio.current_task()] = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.split(b" ", 2)
                check = target == b"/readyz"
                if not check:
                    self.requests.append(method.decode())
                if self.mute and not check:
                    break
                status = b"503 Unavailable" if check and not self.ready else b"200 OK"
                writer.write(b"HTTP/1.1 %b\r\ncontent-length: 2\r\n\r\nok" % status)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        del self._open[asyncio.current_task()]


class Service:
    """A name with addresses that a test sets, called as the gateway does."""

    def __init__(self, port):
        self.url = f"http://replicas.test:{port}"
        self.replicas = [Replica(host, port) for host in HOSTS]
        self.found = list(HOSTS)  # the answer of the next look-up; none: it fails
        self.look_ups = 0
        self.pool = ConnectionPool(self._addresses)
        self.upstream = Upstream("orders-service", self.url)

    def _addresses(self, url, loop):
        return Addresses(url, loop, self._look_up, look_up_seconds=0.0, check_seconds=0.01)

    async def _look_up(self, _name, port):
        self.look_ups += 1
        if not self.found:
            raise OSError("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in self.found]

    @property
    def addresses(self):
        return self.pool.addresses(self.url)

    async def request(self, method="GET"):
        try:
            call = self.upstream.start(self.pool, UpstreamRequest(method, self.url, "/orders", (), 5.0))
        except Refusal as refusal:
            return refusal.kind.status
        try:
            status, _ = await call.head()
            await call.exchange.chunk()
        except Refusal as refusal:
            return refusal.kind.status
        else:
            return status
        finally:
            call.close()

    async def requests(self, count, method="GET"):
        return Counter([await self.request(method) for _ in range(count)])

    def ready(self):
        return [each.info[4][0] for each in self.addresses.known if each.ready]

    def seen(self):
        return [len(each.requests) for each in self.replicas]


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions without an event
            await asyncio.sleep(0.005)


@pytest.fixture
def run():
    """`run(test)`: run the test, a function of a service with two replicas, in an event loop."""

    async def main(test):
        service = Service(free_ports(1)[0])
        for each in service.replicas:
            await each.start()
        try:
            await test(service)
        finally:
            service.pool.close()
            for each in service.replicas:
                await each.stop()

    return lambda test: asyncio.run(main(test))


def test_requests_are_spread_evenly(run):
    async def test(service):
        assert await service.requests(100) == {200: 100}
        assert min(service.seen()) >= 20

    run(test)


def test_busy_address_gets_fewer_requests(run):
    async def test(service):
        await service.request()
        service.addresses.known[0].calls += 9
        before = service.seen()
        await service.requests(10)
        assert [after - was for after, was in zip(service.seen(), before, strict=True)] == [0, 10]

    run(test)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refusing_address_fails_no_request(run, method):
    async def test(service):
        await service.replicas[0].stop()
        assert await service.requests(20, method) == {200: 20}

    run(test)


def test_get_is_repeated_at_other_address(run):
    async def test(service):
        service.replicas[0].mute = True
        assert await service.requests(20) == {200: 20}
        assert len(service.replicas[1].requests) == 20

    run(test)


def test_post_without_response_is_not_repeated(run):
    async def test(service):
        for each in service.replicas:
            each.mute = True
        assert await service.request("POST") == 502
        assert sum(service.seen()) == 1

    run(test)


def test_unready_address_gets_no_request(run):
    async def test(service):
        await service.request()
        service.replicas[0].ready = False
        await until(lambda: service.ready() == ["127.0.0.2"])
        before = len(service.replicas[0].requests)
        assert await service.requests(20, "POST") == {200: 20}
        assert len(service.replicas[0].requests) == before
        service.replicas[0].ready = True
        await until(lambda: len(service.ready()) == 2)

    run(test)


def test_requests_are_served_while_none_is_ready(run):
    async def test(service):
        await service.request()
        for each in service.replicas:
            each.ready = False
        await until(lambda: not service.ready())
        assert await service.requests(5) == {200: 5}

    run(test)


def test_new_address_is_used_once_ready(run):
    async def test(service):
        service.found = ["127.0.0.1"]
        service.replicas[1].ready = False
        assert await service.requests(5) == {200: 5}
        service.found = list(HOSTS)
        await until(lambda: len(service.addresses.known) == 2)
        assert await service.requests(20) == {200: 20}
        assert service.seen() == [25, 0]
        service.replicas[1].ready = True
        await until(lambda: len(service.ready()) == 2)
        await service.requests(50)
        assert service.replicas[1].requests

    run(test)


def test_removed_address_gets_no_request(run):
    async def test(service):
        await service.requests(10)
        service.found = ["127.0.0.2"]
        await until(lambda: len(service.addresses.known) == 1)
        before = len(service.replicas[0].requests)
        await service.requests(10)
        assert len(service.replicas[0].requests) == before

    run(test)


def test_failed_look_up_keeps_addresses(run):
    async def test(service):
        await service.request()
        service.found = []
        failed = service.look_ups + 2
        await until(lambda: service.look_ups > failed)
        assert await service.requests(10) == {200: 10}

    run(test)


def test_unknown_name_is_503(run):
    async def test(service):
        service.found = []
        assert await service.request() == 503
        service.found = list(HOSTS)
        assert await service.request() == 200

    run(test)


def test_all_addresses_broken_is_503(run):
    async def test(service):
        service.found = ["127.0.0.1"]
        service.replicas[0].mute = True
        assert await service.requests(9, "POST") == {502: 5, 503: 4}
        assert service.addresses.retry_after() >= 1

    run(test)


def test_disconnected_clients_break_no_address(run):
    """Else a few clients that leave a long poll would close a service for all."""

    async def test(service):
        service.found = ["127.0.0.1"]
        assert await service.request() == 200
        for _ in range(6):
            call = service.upstream.start(service.pool, UpstreamRequest("GET", service.url, "/", (), 5.0))
            call.abandon()
            with pytest.raises(UpstreamError, match="abandoned"):
                await call.head()
            call.close()
        assert await service.request() == 200

    run(test)
