"""The route by which the console asks each service whether it accepts a token."""

from gateway.routing.route import Route
from gateway.routing.routes import RouteTable


def probe_route(routes: RouteTable, upstream: str) -> Route | None:
    """Return the first GET route of an upstream that needs a token and has no placeholder, or None."""
    return next(
        (
            route
            for route in routes.routes
            if route.upstream == upstream
            and "GET" in route.methods
            and route.audience is not None
            and route.path == route.shape
        ),
        None,
    )
