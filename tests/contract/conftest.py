"""A guarded route of each service, reached directly and through the gateway."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

VIAS = [pytest.param("direct", id="direct"), pytest.param("gateway", id="gateway", marks=pytest.mark.compose)]
SERVICES = ["gateway", "auth-service", "users-service", "orders-service"]


@dataclass(frozen=True)
class Route:
    """A guarded route of one service; a valid token is answered with `success`."""

    service: str
    via: str
    url: str  # base URL of the service itself, or of the gateway
    method: str
    path: str
    success: int


# auth-service's only routes for a bearer end something, so its tokens are made for the purpose.
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
def route(cluster, service, via) -> Route:
    method, path, success = ROUTES[service]
    return Route(service, via, cluster.urls[service if via == "direct" else "gateway"], method, path, success)


@pytest.fixture
def valid_token(alice) -> Callable[[Route], str]:
    """`valid_token(route)`: a token that this route accepts, at least once."""
    return lambda route: alice.log_in()["access_token"] if route.service == "auth-service" else alice.token


@pytest.fixture(
    params=[pytest.param(s, marks=[pytest.mark.compose] if s == "gateway" else []) for s in SERVICES]
)
def each_service(request, cluster, client_at):
    """The client of each service, the gateway included."""
    return client_at(cluster.urls[request.param])
