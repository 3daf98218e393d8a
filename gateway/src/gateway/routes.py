"""The route table, as data: what is public, who serves it, who may pass, how often and how long."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gateway.errors import Refusal
from gateway.request_body import MAX_BODY, MAX_ROUTE_BODY

Upstream = Literal["auth-service", "users-service", "orders-service", "gateway"]
Limit = Literal["client", "login"]
WHOLE, WAITING = 5.0, 35.0  # seconds


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern: its methods, its service, the audience a token is needed for, its limits.

    `max_body` is at most 16 MiB, and 64 KiB where the gateway reads the body itself (log-in, its own pages).
    """

    methods: frozenset[str]
    pattern: str
    upstream: Upstream
    audience: str | None = None  # None: public, whatever credentials come are passed on unseen
    limit: Limit = "client"
    waits: bool = False  # the document may be asked for with `Prefer: wait=N` (RFC 7240)
    pages: bool = False  # a person at a browser gets pages here, refusals among them
    max_body: int = MAX_BODY  # bytes

    def __post_init__(self) -> None:
        """Raise ValueError for a body that is longer than it may be."""
        read_here = self.limit == "login" or self.upstream == "gateway"
        if self.max_body > (MAX_BODY if read_here else MAX_ROUTE_BODY):
            raise ValueError(f"max_body of {self.pattern} is too large")


def _route(
    methods: str, pattern: str, upstream: Upstream, limit: Limit = "client", *, waits: bool = False
) -> Route:
    return Route(_methods(methods), pattern, upstream, None, limit, waits)


def _pages(methods: str, pattern: str, upstream: Upstream, limit: Limit = "client") -> Route:
    return Route(_methods(methods), pattern, upstream, None, limit, pages=True)


def _token(methods: str, pattern: str, upstream: Upstream, *, waits: bool = False) -> Route:
    return Route(_methods(methods), pattern, upstream, upstream, waits=waits)


def _methods(names: str) -> frozenset[str]:
    methods = frozenset(names.split())
    return methods | {"HEAD"} if "GET" in methods else methods


AUTH: Final = "auth-service"
USERS: Final = "users-service"
ORDERS: Final = "orders-service"
HERE: Final = "gateway"

ROUTES: Sequence[Route] = (
    _token("GET POST", "/orders", ORDERS),
    _token("GET", "/orders/{id}", ORDERS),
    _token("POST", "/orders/{id}/cancel", ORDERS),
    _route("GET", "/products", ORDERS),
    _token("GET PATCH", "/users/me", USERS),
    _token("GET", "/users/{sub}", USERS),
    _token("GET", "/users", USERS),
    _route("GET", "/.well-known/oauth-authorization-server", AUTH),
    _route("GET", "/.well-known/openid-configuration", AUTH),
    _route("GET", "/.well-known/jwks.json", AUTH, waits=True),
    _route("GET", "/status-lists", AUTH),
    _route("GET", "/status-lists/{n}", AUTH, waits=True),
    _route("GET", "/.well-known/ssf-configuration", AUTH),
    _token("GET POST PATCH PUT DELETE", "/ssf/streams", AUTH),
    _token("GET POST", "/ssf/status", AUTH),
    _token("POST", "/ssf/verification", AUTH),
    _token("POST", "/ssf/poll/{stream_id}", AUTH, waits=True),
    _route("POST", "/accounts", AUTH, "login"),
    _route("POST", "/login", AUTH, "login"),
    _route("POST", "/magic-links", AUTH, "login"),
    _pages("GET POST", "/magic-links/redeem", AUTH, "login"),
    _pages("GET", "/account/verification", AUTH, "login"),
    _token("POST", "/account/verification", AUTH),
    _pages("POST", "/account/verification/confirm", AUTH, "login"),
    _route("POST", "/password-resets", AUTH, "login"),
    _pages("GET POST", "/password-resets/redeem", AUTH, "login"),
    _token("POST", "/logout", AUTH),
    _token("POST", "/logout/all", AUTH),
    _token("POST", "/account/password", AUTH),
    _token("GET", "/account/sessions", AUTH),
    _token("DELETE", "/account/sessions/{sid}", AUTH),
    # OAuth's own endpoints take their credentials in their own ways.
    _pages("GET POST", "/oauth/authorize", AUTH, "login"),
    _route("POST", "/oauth/token", AUTH),
    _route("POST", "/oauth/device_authorization", AUTH),
    _pages("GET POST", "/oauth/device", AUTH, "login"),
    _route("POST", "/oauth/revoke", AUTH),
    _route("POST", "/oauth/introspect", AUTH),
    _route("GET POST", "/oauth/userinfo", AUTH),  # for a token of whichever audience
    _pages("GET POST", "/oauth/logout", AUTH),
    _route("GET", "/oauth/pages.css", AUTH),
    _token("GET", "/admin/keys", AUTH),
    _token("POST", "/admin/keys/rotate", AUTH),
    _token("DELETE", "/admin/keys/{kid}", AUTH),
    _token("GET", "/admin/sessions", AUTH),
    _token("DELETE", "/admin/sessions/{sid}", AUTH),
    _token("POST", "/admin/accounts/{sub}/disable", AUTH),
    _token("POST", "/admin/accounts/{sub}/enable", AUTH),
    _token("GET", "/admin/audit", AUTH),
    _pages("GET", "/", HERE),
    _pages("GET", "/docs", HERE),
    _route("GET", "/openapi.json", HERE),
    _route("GET", "/livez", HERE),
    _route("GET", "/readyz", HERE),
)

_PLACEHOLDER = re.compile(r"\\{\w+\\}")


class Table:
    """Finds the route of a request; the first pattern that fits a path is the path's."""

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self._plain: dict[str, list[Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], list[Route]]] = []
        for route in routes:
            if "{" not in route.pattern:
                self._plain.setdefault(route.pattern, []).append(route)
            else:
                expression = _PLACEHOLDER.sub("[A-Za-z0-9._~:@+=-]{1,256}", re.escape(route.pattern))
                self._patterns.append((re.compile(expression), [route]))

    def find(self, method: str, path: str) -> Route:
        """Return the route. Raises Refusal: 404 for an unknown path, 405 with Allow for another method."""
        found = self._plain.get(path) or next((r for p, r in self._patterns if p.fullmatch(path)), None)
        if found is None:
            raise Refusal("not_found", "There is nothing at this path.")
        for route in found:
            if method in route.methods:
                return route
        allowed = ", ".join(sorted(set().union(*(route.methods for route in found))))
        raise Refusal("method_not_allowed", f"Allowed here: {allowed}.", (b"allow", allowed.encode()))
