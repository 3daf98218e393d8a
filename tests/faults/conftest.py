"""What stands between verifiers and their mint here: a proxy that breaks connections, and a clock that a test moves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from testkit.callers import Door, Person
from testkit.clock import FakeClock
from testkit.issuer import FakeIssuer
from testkit.mint import Mint
from testkit.preloaded import Cluster
from testkit.proxy import FaultyProxy
from touchstone import Issuer
from touchstone.flask import Touchstone, require
from werkzeug.test import TestResponse

ISSUER = "http://mint.example"
AUDIENCE = "orders-service"
HOUR = 3600
VERIFIERS = ("users-service", "orders-service", "gateway")


class Api:
    """An application with an ordinary route and a sensitive one, guarded as anybody would guard them."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        app = Flask("api")
        Touchstone(app, issuer)

        @app.get("/ordinary")
        @require()
        def ordinary() -> str:
            return "yes"

        @app.get("/sensitive")
        @require(fresh=True)
        def sensitive() -> str:
            return "yes"

        self._client = app.test_client

    def __call__(self, token: str, path: str = "/ordinary") -> TestResponse:
        """Ask as whoever holds this token."""
        return self._client().get(path, headers={"Authorization": f"Bearer {token}"})


@dataclass
class Post:
    """A mint of one's own, and the way there. All clocks stand still: `clock` shows the time, `ticks` what has passed."""

    clock: FakeClock
    ticks: FakeClock
    mint: Mint
    server: FakeIssuer
    proxy: FaultyProxy
    started: list[Api] = field(default_factory=list)

    def api(self, **settings: Any) -> Api:
        """Start a verifier that reaches the mint through the proxy, as a process that has just begun."""
        told = {"audience": AUDIENCE, "backchannel": self.proxy.url, "now": self.clock, "clock": self.ticks}
        self.started.append(Api(Issuer(ISSUER, **{**told, **settings})))
        return self.started[-1]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.ticks.advance(seconds)

    def token(self, index: int, life: int = 2 * HOUR, **claims: Any) -> str:
        """Give a token of the session that has this index, good for `life` seconds."""
        exp = int(self.clock()) + life
        return self.mint.sign(self.mint.claims(status=index, exp=exp, **claims))

    def stop(self) -> None:
        """Take the mint away: connections end and new ones are refused."""
        self.proxy.mode = "refuse"
        self.proxy.drop()

    def start(self) -> None:
        """Bring it back."""
        self.proxy.mode = "pass"

    def close(self) -> None:
        for api in self.started:
            api.issuer.close()


@pytest.fixture(scope="module")
def make_post() -> Iterator[Callable[[], Post]]:
    """`make_post()`: a mint with one status list, and the way there. May be called in any thread."""
    with ExitStack() as stack:

        def make() -> Post:
            clock = FakeClock()
            mint = Mint(ISSUER, now=clock, audience=AUDIENCE)
            server = stack.enter_context(FakeIssuer(mint=mint, long_poll=True))
            server.open_list(size=4096)
            host, port = server.url.removeprefix("http://").split(":")
            post = Post(clock, FakeClock(), mint, server, stack.enter_context(FaultyProxy((host, int(port)))))
            stack.callback(post.close)
            return post

        yield make


@pytest.fixture
def post(make_post) -> Post:
    return make_post()


@pytest.fixture(scope="package")
def problem() -> Callable[[Any], tuple[int, str]]:
    """`problem(answer)`: its status, and the name of what is wrong, if anything (of any answer: requests' or a test client's)."""

    def read(answer: Any) -> tuple[int, str]:
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer.status_code, ""
        body = answer.json() if callable(answer.json) else answer.json
        return answer.status_code, body["type"].rpartition(":")[2]

    return read


@pytest.fixture(scope="package")
def comes_back() -> Callable[[Any], bool]:
    """`comes_back(answer)`: it is a 503 that says when to come back."""
    return lambda answer: answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


@dataclass
class House:
    """All four services as processes; users-service, orders-service and the gateway follow the mint through the proxy."""

    cluster: Cluster
    proxy: FaultyProxy
    door: Callable[[str], Door]

    verifiers: ClassVar[tuple[str, ...]] = VERIFIERS

    @property
    def gateway(self) -> Door:
        """The way to the mint's own routes, which no proxy breaks."""
        return self.door(self.cluster.gateway)

    def answers(self, token: str) -> dict[str, Any]:
        """Ask every verifier, the gateway twice: answers by where they come from."""
        direct = {"users-service": "/users/me", "orders-service": "/orders"}
        asked = {name: (self.cluster.urls[name], path) for name, path in direct.items()}
        asked |= {f"gateway {path}": (self.cluster.gateway, path) for path in direct.values()}
        return {name: self.door(url)("GET", path, token=token) for name, (url, path) in asked.items()}

    def statuses(self, token: str) -> set[int]:
        """Likewise, which statuses there are among the answers."""
        return {answer.status_code for answer in self.answers(token).values()}

    def snapshots(self, service: str, which: str = "*") -> list[Path]:
        """Give the files that a verifier keeps of the mint's documents."""
        return list((self.cluster.folder / "snapshots" / service).glob(which))

    def break_off(self, mode: str) -> None:
        """Break the way to the mint, for what is connected already as well."""
        self.proxy.mode = mode
        self.proxy.drop()

    def mend(self) -> None:
        """Let everything through again."""
        self.break_off("pass")

    def hears(self) -> bool:
        """Tell whether the last attempt of every verifier to hear of the mint's documents went well."""
        told = [self.door(self.cluster.urls[name])("GET", "/readyz").json() for name in VERIFIERS]
        return not any(each["last_error"] for answer in told for each in answer["documents"].values())


@pytest.fixture(scope="package")
def house(door, mail_folders) -> Iterator[House]:
    """One for all tests here; each leaves it whole."""
    with FaultyProxy(("127.0.0.1", 9)) as proxy:
        through = {name: {"ISSUER_BACKCHANNEL": proxy.url} for name in VERIFIERS}
        cluster = Cluster({"RATE_LIMITS": "off", "JWKS_MAX_AGE": "1"}, only=through)
        proxy.target = ("127.0.0.1", cluster.ports["auth-service"])
        with cluster:
            mail_folders[cluster.gateway] = cluster.mail_folder
            yield House(cluster, proxy, door)


@pytest.fixture
def customer(house, newcomer) -> Person:
    """Somebody who just made an account there."""
    return newcomer(house.gateway)


@pytest.fixture(autouse=True)
def _whole(request, until) -> Iterator[None]:
    """Leave the house whole, however a test ended, and everybody in it in touch with the mint."""
    yield
    if "house" in request.fixturenames:
        house = request.getfixturevalue("house")
        house.mend()
        for name in house.cluster.urls:
            if not house.cluster.running(name):
                house.cluster.start_service(name)
        until(house.hears, hope="word of the mint")
