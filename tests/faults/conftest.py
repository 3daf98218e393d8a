"""Verifiers that follow their issuer through a proxy that breaks connections, with clocks that a test sets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from testkit.clock import FakeClock
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.http_client import HttpClient
from testkit.issuer import FakeIssuer
from testkit.proxy import FaultyProxy
from testkit.token_signer import TokenSigner
from testkit.user import User
from touchstone import Issuer
from touchstone.flask import Touchstone, require
from werkzeug.test import TestResponse

ISSUER = "http://issuer.example"
AUDIENCE = "orders-service"
HOUR = 3600
VERIFIERS = ("users-service", "orders-service", "gateway")


class Api:
    """An application with an ordinary and a sensitive route, guarded by touchstone."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        app = Flask("api")
        Touchstone(app, issuer)
        app.get("/ordinary")(require()(lambda: "yes"))
        app.get("/sensitive", endpoint="sensitive")(require(fresh=True)(lambda: "yes"))
        self._client = app.test_client

    def __call__(self, token: str, path: str = "/ordinary") -> TestResponse:
        """Send a request with this token."""
        return self._client().get(path, headers={"Authorization": f"Bearer {token}"})


@dataclass
class ProxiedIssuer:
    """A fake issuer behind a proxy. `clock` and `monotonic` are the clocks of the verifiers, and stand still."""

    clock: FakeClock
    monotonic: FakeClock
    signer: TokenSigner
    server: FakeIssuer
    proxy: FaultyProxy
    apis: list[Api] = field(default_factory=list)

    def api(self, **settings: Any) -> Api:
        """Return a new verifier, as in a process that has just started."""
        base = {
            "audience": AUDIENCE,
            "backchannel": self.proxy.url,
            "now": self.clock,
            "clock": self.monotonic,
        }
        self.apis.append(Api(Issuer(ISSUER, **{**base, **settings})))
        return self.apis[-1]

    def advance(self, seconds: float) -> None:
        """Advance both clocks."""
        self.clock.advance(seconds)
        self.monotonic.advance(seconds)

    def token(self, index: int, life: int = 2 * HOUR, **claims: Any) -> str:
        """Return a token with this index in the status list, valid for `life` seconds."""
        exp = int(self.clock()) + life
        return self.signer.sign(self.signer.claims(status=index, exp=exp, **claims))

    def stop(self) -> None:
        """End all connections and refuse new ones."""
        self.proxy.mode = "refuse"
        self.proxy.drop()

    def start(self) -> None:
        """Accept connections again."""
        self.proxy.mode = "pass"

    def close(self) -> None:
        for api in self.apis:
            api.issuer.close()


@pytest.fixture(scope="module")
def make_issuer() -> Iterator[Callable[[], ProxiedIssuer]]:
    """`make_issuer()`: an issuer with one status list. May be called in any thread."""
    with ExitStack() as stack:

        def make() -> ProxiedIssuer:
            clock = FakeClock()
            signer = TokenSigner(ISSUER, now=clock, audience=AUDIENCE)
            server = stack.enter_context(FakeIssuer(signer=signer, long_poll=True))
            server.open_list(size=4096)
            proxy = stack.enter_context(FaultyProxy(("127.0.0.1", server.port)))
            issuer = ProxiedIssuer(clock, FakeClock(), signer, server, proxy)
            stack.callback(issuer.close)
            return issuer

        yield make


@pytest.fixture
def issuer(make_issuer) -> Iterator[ProxiedIssuer]:
    issuer = make_issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="package")
def problem() -> Callable[[Any], tuple[int, str]]:
    """`problem(answer)`: its status and the slug of its problem, if any; of requests' answers or a test client's."""

    def read(answer: Any) -> tuple[int, str]:
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer.status_code, ""
        body = answer.json() if callable(answer.json) else answer.json
        return answer.status_code, body["type"].rpartition(":")[2]

    return read


@pytest.fixture(scope="package")
def retry_later() -> Callable[[Any], bool]:
    """`retry_later(answer)`: whether it is a 503 with Retry-After."""
    return lambda answer: answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


class ProxiedCluster(ForkedCluster):
    """All services; users-service, orders-service and the gateway reach auth-service's documents through `proxy`."""

    def __init__(self, proxy: FaultyProxy, client_at: Callable[[str], HttpClient]) -> None:
        through_proxy = {name: {"ISSUER_BACKCHANNEL": proxy.url} for name in VERIFIERS}
        super().__init__({"RATE_LIMITS": "off", "JWKS_MAX_AGE": "1"}, only=through_proxy)
        self.proxy = proxy
        self.proxy.target = ("127.0.0.1", self.ports["auth-service"])
        self.verifiers = VERIFIERS
        self._client_at = client_at

    def client(self, name: str = "gateway") -> HttpClient:
        """Return the client of a service. No proxy is between the gateway and auth-service's own routes."""
        return self._client_at(self.urls[name])

    def statuses(self, token: str) -> set[int]:
        """Return the different statuses that the verifiers answer to a token, two of them through the gateway."""
        paths = {"users-service": "/users/me", "orders-service": "/orders"}
        return {
            self.client(place)("GET", path, token=token).status_code
            for name, path in paths.items()
            for place in (name, "gateway")
        }

    def snapshots(self, service: str, pattern: str = "*") -> list[Path]:
        """Return the snapshot files of a verifier."""
        return list((self.folder / "snapshots" / service).glob(pattern))

    def disturb(self, mode: str) -> None:
        """Set the proxy's mode, and reset the open connections."""
        self.proxy.mode = mode
        self.proxy.drop()

    def recover(self) -> None:
        """Let all connections through again."""
        self.disturb("pass")

    def up_to_date(self) -> bool:
        """Return whether the last fetch of every document succeeded at every verifier."""
        reports = [self.client(name)("GET", "/readyz").json()["documents"] for name in VERIFIERS]
        return not any(each["last_error"] for documents in reports for each in documents.values())


@pytest.fixture(scope="package")
def services(client_at, mail_folders) -> Iterator[ProxiedCluster]:
    """One for all tests here; each test leaves it running."""
    with FaultyProxy(("127.0.0.1", 9)) as proxy, ProxiedCluster(proxy, client_at) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def customer(services, new_user) -> User:
    return new_user(services.client())


@pytest.fixture(autouse=True)
def _restored(request) -> Iterator[None]:
    """Restore the services after a test, however it ended."""
    yield
    if "services" in request.fixturenames:
        services = request.getfixturevalue("services")
        services.recover()
        for name in services.urls:
            if not services.running(name):
                services.start_service(name)
        wait_for(services.up_to_date, what="a fetch of each document")
