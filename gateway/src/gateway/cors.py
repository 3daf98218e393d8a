"""CORS: the pages of other origins that may read a response (Fetch standard, section 3.3).

Tokens are sent in `Authorization`, so `Access-Control-Allow-Credentials` is never sent, and no cookie works from another
origin.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import Refusal
from gateway.headers import Headers, RequestHeaders
from gateway.routing.route import Route

ALLOW_ORIGIN: Final = b"access-control-allow-origin"
EXPOSED: Final = (
    b"access-control-expose-headers",
    b"ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-ID",
)
_PREFLIGHT: Final = (
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key, if-none-match, prefer"),
    (b"access-control-max-age", b"600"),  # seconds
)
_VARY: Final = (b"vary", b"Origin")
_ANYWHERE: Final = (b"cross-origin-resource-policy", b"cross-origin")
# Of the gateway's own errors where a service decides: without them a page could not see when to try again.
ERROR_HEADERS: Final = (_VARY, (ALLOW_ORIGIN, b"*"), EXPOSED)


@dataclass(frozen=True, slots=True)
class Cors:
    """Decides which origins may read the responses of a route.

    Routes with `public` are readable from everywhere, pages (`html`) from nowhere, the others from `origins`. At routes
    with `service` the service decides about further origins.
    """

    origins: frozenset[bytes] = frozenset()

    def asks_service(self, route: Route, origin: bytes | None) -> bool:
        """Return whether the service decides, also about a preflight."""
        return route.cors == "service" and origin not in self.origins

    def headers(self, route: Route, origin: bytes | None, *, preflight: bool = False) -> Headers:
        """Return the headers of all responses to a request; none that allows an origin where a service decides."""
        if route.html or (route.cors == "configured" and not self.origins):
            return ()
        if route.cors == "public":
            return (_ANYWHERE, *_allow(route, b"*", preflight=preflight))
        if origin is None or origin not in self.origins:
            return (_VARY,)
        return (_VARY, *_allow(route, origin, preflight=preflight))


def requested_method(headers: RequestHeaders) -> str | None:
    """Return the method that a preflight asks for; None if an OPTIONS request is no preflight."""
    method = headers.value(b"access-control-request-method").strip()
    return method.decode("latin-1").upper() if method and headers.origin is not None else None


def check_preflight(cors: Headers) -> None:
    """Raise Refusal (403) unless the headers of a preflight's response allow its origin."""
    if ALLOW_ORIGIN not in dict(cors):
        raise Refusal("origin_not_allowed", "Neither the route nor CORS_ORIGINS allows it.")


def service_headers(
    route: Route, origin: bytes | None, response: Headers, *, preflight: bool = False
) -> Headers:
    """Return the headers by the decision of the service: its response allows exactly this origin, or none."""
    allowed = [value for name, value in response if name.lower() == ALLOW_ORIGIN]
    if origin is None or allowed != [origin]:
        return (_VARY,)
    return (_VARY, *_allow(route, origin, preflight=preflight))


def _allow(route: Route, origin: bytes, *, preflight: bool) -> Headers:
    allow = (ALLOW_ORIGIN, origin)
    if not preflight:
        return (allow, EXPOSED)
    methods = ", ".join(sorted(route.methods)).encode()
    return (allow, (b"access-control-allow-methods", methods), *_PREFLIGHT)
