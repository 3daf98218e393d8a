"""The app of `touchstone authz`, called without a server."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from touchstone import Issuer
from touchstone.authz.app import ExternalAuthorization, leave_event_loop
from touchstone.authz.rule import Rule

ISSUER = "https://issuer.example"
RULES = (
    Rule("orders", "orders-service"),
    Rule("place-order", "orders-service", ("orders:write", "profile:read")),
    Rule("admin", "orders-service", fresh=True),
    Rule("users", "users-service"),
)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def ask(app: ExternalAuthorization, path: str, *headers: tuple[str, str]) -> Answer:
    """Return the app's answer to a GET."""
    return asyncio.run(asking(app, path, *headers))


async def asking(app: ExternalAuthorization, path: str, *headers: tuple[str, str]) -> Answer:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the body is not read")

    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    await app({"type": "http", "method": "GET", "path": path, "headers": lines}, receive, send)
    start, body = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    assert found.pop("content-length") == str(len(body["body"]))
    return Answer(start["status"], found, body["body"].decode())


@pytest.fixture
def publish(server, response, signer) -> Callable[[], None]:
    """Publish the keys and an empty status list."""
    uri = f"{ISSUER}/status-lists/1"

    def plan(data: bytes = b"\0\0", version: int = 1) -> None:
        headers = {"Cache-Control": "max-age=3600"}
        server.plan(response(200, signer.jwks(), headers), at="/.well-known/jwks.json")
        server.plan(
            response(200, signer.list_token(uri, data), {**headers, "ETag": f'"{version}"'}),
            at="/status-lists/1",
        )

    return plan


@pytest.fixture
def issuer(server, response, clock) -> Iterator[Issuer]:
    server.plan(response(503))
    made = Issuer(
        ISSUER,
        audience={"orders-service", "users-service"},
        backchannel=server.url,
        now=clock,
        before_wait=leave_event_loop,
    )
    yield made
    made.close()


@pytest.fixture
def app(issuer) -> ExternalAuthorization:
    return ExternalAuthorization(issuer, RULES)


@pytest.fixture
def bearer(signer) -> Callable[..., tuple[str, str]]:
    """`bearer(**claims)`: the header with a token."""
    return lambda **claims: ("Authorization", f"Bearer {signer.token(**claims)}")
