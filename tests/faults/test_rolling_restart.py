"""Two replicas of a service behind one name, restarted one after the other under load."""

import asyncio
import socket

import pytest
from gateway.errors import Refusal
from gateway.http_client.addresses import Addresses
from gateway.http_client.connection_pool import ConnectionPool
from gateway.http_client.exchange import UpstreamRequest
from gateway.http_client.upstreams import Upstream
from testkit.cluster import SERVICES, Cluster, start_process

NAME = "auth-service"
HOSTS = ("127.0.0.1", "127.0.0.2")
CALLS = (("GET", "/.well-known/jwks.json"), ("POST", "/oauth/token"))


class Replicas:
    """Processes of one service with the same database and port, each at its own address."""

    def __init__(self, cluster):
        self._cluster = cluster
        self.port = cluster.ports[NAME]
        self.processes = {}

    def start(self, host):
        command = [host if word == "127.0.0.1" else word for word in SERVICES[NAME].command(self.port)]
        log = self._cluster.folder / f"{host}.log"
        environment = self._cluster.environment(NAME)
        self.processes[host] = start_process(command, environment, self._cluster.folder, log, log)

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)

    async def look_up(self, _name, port):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in HOSTS]


@pytest.fixture
def replicas():
    settings = {"DRAIN_SECONDS": "3", "RATE_LIMITS": "off", "LOG_LEVEL": "ERROR"}
    with Cluster(settings, services=[NAME]) as cluster:
        cluster.stop_service(NAME)
        started = Replicas(cluster)
        try:
            for host in HOSTS:
                started.start(host)
            yield started
        finally:
            started.stop()


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - conditions without an event
            await asyncio.sleep(0.05)


async def restart_all(replicas):
    url = f"http://replicas.test:{replicas.port}"
    pool = ConnectionPool(lambda url, loop: Addresses(url, loop, replicas.look_up))
    upstream, addresses = Upstream(NAME, url), pool.addresses(url)
    statuses, running = [], True

    async def send(method, target):
        try:
            call = upstream.start(pool, UpstreamRequest(method, url, target, (), 5.0))
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

    async def load(method, target):
        while running:
            statuses.append((method, await send(method, target)))
            await asyncio.sleep(0.005)

    def ready():
        return {each.info[4][0] for each in addresses.known if each.ready}

    try:
        await until(lambda: len(addresses.known) == len(HOSTS))
        for host in HOSTS:
            await until(lambda host=host: _accepts(host, replicas.port))
        await until(lambda: ready() == set(HOSTS))
        loads = [asyncio.create_task(load(*call)) for call in CALLS for _ in range(2)]
        for host in HOSTS:
            process = replicas.processes[host]
            process.terminate()
            await until(lambda process=process: process.poll() is not None)
            replicas.start(host)
            await until(lambda host=host: host in ready())
        running = False
        await asyncio.gather(*loads)
    finally:
        pool.close()
    return statuses


def _accepts(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_rolling_restart_fails_no_request(replicas):
    statuses = asyncio.run(restart_all(replicas))

    assert {status for method, status in statuses if method == "GET"} == {200}
    assert {status for method, status in statuses if method == "POST"} <= {400, 401}
    assert len(statuses) > 200
