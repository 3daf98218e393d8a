"""The route table, as data: public paths, the service behind each, its audience, limits and times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gateway.errors import Refusal
from gateway.request_body import MAX_BODY, MAX_ROUTE_BODY

UpstreamName = Literal["auth-service", "users-service", "orders-service", "gateway"]
RateLimit = Literal["client", "login"]
RESPONSE_SECONDS, LONG_POLL_SECONDS = 5.0, 35.0


@dataclass(frozen=True, slots=True)
class Route:
    """One path pattern with its methods, its service and what a request needs.

    `audience` is that of the token, None on public routes, where credentials are passed on unchecked. With `long_poll`
    a client may send `Prefer: wait=N` (RFC 7240). With `html` errors are pages, for people with browsers. `max_body`
    is in bytes: at most 16 MiB, and 64 KiB where the gateway reads the body itself (log-in routes, its own routes).
    """

    methods: frozenset[str]
    pattern: str
    upstream: UpstreamName
    audience: str | None = None
    limit: RateLimit = "client"
    long_poll: bool = False
    html: bool = False
    max_body: int = MAX_BODY

    def __post_init__(self) -> None:
        """Raise ValueError for a `max_body` that is too large."""
        read_here = self.limit == "login" or self.upstream == "gateway"
        if self.max_body > (MAX_BODY if read_here else MAX_ROUTE_BODY):
            raise ValueError(f"max_body of {self.pattern} is too large")


def _public(
    methods: str,
    pattern: str,
    upstream: UpstreamName,
    limit: RateLimit = "client",
    *,
    long_poll: bool = False,
) -> Route:
    return Route(_methods(methods), pattern, upstream, None, limit, long_poll)


def _html(methods: str, pattern: str, upstream: UpstreamName, limit: RateLimit = "client") -> Route:
    return Route(_methods(methods), pattern, upstream, None, limit, html=True)


def _token(methods: str, pattern: str, upstream: UpstreamName, *, long_poll: bool = False) -> Route:
    return Route(_methods(methods), pattern, upstream, upstream, long_poll=long_poll)


def _methods(names: str) -> frozenset[str]:
    methods = frozenset(names.split())
    return methods | {"HEAD"} if "GET" in methods else methods


AUTH: Final = "auth-service"
USERS: Final = "users-service"
ORDERS: Final = "orders-service"
GATEWAY: Final = "gateway"

ROUTES: Sequence[Route] = (
    _token("GET POST", "/orders", ORDERS),
    _token("GET", "/orders/{id}", ORDERS),
    _token("POST", "/orders/{id}/cancel", ORDERS),
    _public("GET", "/products", ORDERS),
    _token("GET PATCH", "/users/me", USERS),
    _token("GET", "/users/{sub}", USERS),
    _token("GET", "/users", USERS),
    _public("GET", "/.well-known/oauth-authorization-server", AUTH),
    _public("GET", "/.well-known/openid-configuration", AUTH),
    _public("GET", "/.well-known/jwks.json", AUTH, long_poll=True),
    _public("GET", "/status-lists", AUTH),
    _public("GET", "/status-lists/{n}", AUTH, long_poll=True),
    _public("GET", "/.well-known/ssf-configuration", AUTH),
    _token("GET POST PATCH PUT DELETE", "/ssf/streams", AUTH),
    _token("GET POST", "/ssf/status", AUTH),
    _token("POST", "/ssf/verification", AUTH),
    _token("POST", "/ssf/poll/{stream_id}", AUTH, long_poll=True),
    _public("POST", "/accounts", AUTH, "login"),
    _public("POST", "/login", AUTH, "login"),
    _public("POST", "/magic-links", AUTH, "login"),
    _html("GET POST", "/magic-links/redeem", AUTH, "login"),
    _html("GET", "/account/verification", AUTH, "login"),
    _token("POST", "/account/verification", AUTH),
    _html("POST", "/account/verification/confirm", AUTH, "login"),
    _public("POST", "/password-resets", AUTH, "login"),
    _html("GET POST", "/password-resets/redeem", AUTH, "login"),
    _token("POST", "/logout", AUTH),
    _token("POST", "/logout/all", AUTH),
    _token("POST", "/account/password", AUTH),
    _token("GET", "/account/sessions", AUTH),
    _token("DELETE", "/account/sessions/{sid}", AUTH),
    # OAuth endpoints authenticate clients themselves.
    _html("GET POST", "/oauth/authorize", AUTH, "login"),
    _public("POST", "/oauth/token", AUTH),
    _public("POST", "/oauth/device_authorization", AUTH),
    _html("GET POST", "/oauth/device", AUTH, "login"),
    _public("POST", "/oauth/revoke", AUTH),
    _public("POST", "/oauth/introspect", AUTH),
    _public("GET POST", "/oauth/userinfo", AUTH),  # for tokens of any audience
    _html("GET POST", "/oauth/logout", AUTH),
    _public("GET", "/oauth/pages.css", AUTH),
    _token("GET", "/admin/keys", AUTH),
    _token("POST", "/admin/keys/rotate", AUTH),
    _token("DELETE", "/admin/keys/{kid}", AUTH),
    _token("GET", "/admin/sessions", AUTH),
    _token("DELETE", "/admin/sessions/{sid}", AUTH),
    _token("POST", "/admin/accounts/{sub}/disable", AUTH),
    _token("POST", "/admin/accounts/{sub}/enable", AUTH),
    _token("GET", "/admin/audit", AUTH),
    _html("GET", "/", GATEWAY),
    _html("GET", "/docs", GATEWAY),
    _public("GET", "/openapi.json", GATEWAY),
    _public("GET", "/livez", GATEWAY),
    _public("GET", "/readyz", GATEWAY),
)

_PLACEHOLDER = re.compile(r"\\{\w+\\}")


class RouteTable:
    """Finds the route of a request; of several patterns that match a path, the first one counts."""

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
        """Return the route. Raise Refusal: 404 for an unknown path, 405 with Allow for a method that it does not have."""
        found = self._plain.get(path) or next((r for p, r in self._patterns if p.fullmatch(path)), None)
        if found is None:
            raise Refusal("not_found", "There is no resource at this path.")
        for route in found:
            if method in route.methods:
                return route
        allowed = ", ".join(sorted(set().union(*(route.methods for route in found))))
        raise Refusal("method_not_allowed", f"Allowed methods: {allowed}.", (b"allow", allowed.encode()))
