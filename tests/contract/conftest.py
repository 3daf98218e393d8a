"""Where each service guards something, and the two ways to get there."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

VIAS = [pytest.param("direct", id="direct"), pytest.param("gateway", id="gateway", marks=pytest.mark.compose)]


@dataclass(frozen=True)
class Guarded:
    """A protected route of one service, over one path; `welcome` is what a good token gets there."""

    service: str
    via: str
    url: str  # base address: the service's own, or the gateway's
    method: str
    path: str
    welcome: int


# auth-service's only routes for a bearer end something, so its good tokens are made for the purpose.
ROUTES = {
    "auth-service": ("POST", "/logout", 204),
    "users-service": ("GET", "/users/me", 200),
    "orders-service": ("GET", "/orders", 200),
}


@pytest.fixture(params=VIAS)
def via(request) -> str:
    return request.param


@pytest.fixture(params=list(ROUTES))
def service(request) -> str:
    return request.param


@pytest.fixture
def guarded(cluster, service, via) -> Guarded:
    method, path, welcome = ROUTES[service]
    return Guarded(
        service, via, cluster.urls[service if via == "direct" else "gateway"], method, path, welcome
    )


@pytest.fixture
def good(alice) -> Callable[[Guarded], str]:
    """`good(guarded)`: a token that opens this route, once at least."""
    return lambda guarded: (
        alice.log_in()["access_token"] if guarded.service == "auth-service" else alice.token
    )
