"""The session cookie as a credential: opened, refreshed where it is due, and protected against other sites' requests."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from touchstone import AccessClaims
from touchstone.errors import UnknownKey

from gateway.authentication import Authentication
from gateway.browser_session.cookies import Cookies
from gateway.browser_session.issuer_client import GrantRefusedError
from gateway.browser_session.refresher import Refresh, Refresher
from gateway.browser_session.sealer import Sealer
from gateway.browser_session.session_tokens import SessionTokens
from gateway.errors import UNAUTHORIZED, Refusal
from gateway.request import Request
from gateway.routing.route import Route

PURPOSE = b"session1"  # another form of the cookie's content needs another one
BEARER = (b"www-authenticate", b"Bearer")
SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Session:
    """A session with a valid access token."""

    tokens: SessionTokens
    claims: AccessClaims

    @property
    def access_token(self) -> str:
        """The access token."""
        return self.tokens.access_token


class BrowserSessions:
    """Reads, makes and refreshes the sessions in cookies. `origin` is that of the gateway's own pages.

    `on_change` is called when a session sends a request that may change something, such as its end.
    """

    def __init__(  # noqa: PLR0913 - parts of the gateway
        self,
        sealer: Sealer,
        cookies: Cookies,
        refresher: Refresher,
        authentication: Authentication,
        origin: str,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.cookies = cookies
        self.refresher = refresher
        self._sealer = sealer
        self._authentication = authentication
        self._origin = origin.encode()
        self._on_change = on_change
        self._open = lru_cache(maxsize=512)(self._opened)  # of at most 4 KiB each

    def keep(self, request: Request, tokens: SessionTokens) -> None:
        """Set the cookie with these tokens in the response. Raise Refusal (500) if they do not fit into one."""
        sealed = self._sealer.seal(PURPOSE, tokens.packed())
        try:
            request.added_headers = [self.cookies.set_session(sealed)]
        except ValueError as error:
            raise Refusal("session_too_long", f"This account has too many scopes: {error}.") from None

    def tokens(self, request: Request) -> SessionTokens | None:
        """Return what is in the session cookie, None if it is missing or was not made by this gateway's keys."""
        sealed = self.cookies.session(request.headers)
        return self._open(sealed) if sealed else None

    def usable_tokens(self, request: Request) -> SessionTokens | None:
        """Return the same, if the request may use it. Raise Refusal (403) for one that another site can cause."""
        tokens = self.tokens(request)
        if tokens is not None and request.method not in SAFE_METHODS:
            self.check_same_origin(request)
            self._on_change()
        return tokens

    def check_same_origin(self, request: Request) -> None:
        """Raise Refusal (403) for a request that a page of another origin can cause."""
        if request.headers.value(b"x-requested-with").strip() != b"touchstone":
            raise Refusal(
                "cross_site_request",
                "With the session cookie this method needs the header X-Requested-With: touchstone.",
            )
        if request.headers.origin not in {None, self._origin}:
            raise Refusal("cross_site_request", "The session cookie works for pages of this origin only.")

    async def session(self, request: Request, route: Route) -> Session | None:
        """Return the session of the cookie, with a token that suffices for the route; None if there is no such cookie.

        A token that is due, or whose signing key was withdrawn, is refreshed, and the response sets the new cookie. Raise
        Refusal: 403 for a request that another site can cause, 401 if the session has ended, 503 if it has to be
        refreshed and cannot, and what the check of the token raises.
        """
        tokens = self.usable_tokens(request)
        if tokens is None:
            return None
        current = await self._refreshed(request, tokens, self.refresher.current)
        try:
            claims = await self._check(route, current)
        except Refusal as refusal:
            if refusal.slug != UnknownKey.slug:
                raise
            current = await self._refreshed(request, current, self.refresher.successor)
            claims = await self._check(route, current)
        return Session(current, claims)

    async def require(self, request: Request) -> Session:
        """Return the session of a request to one of the gateway's own routes; raise Refusal, 401 if there is none."""
        found = None if request.route is None else await self.session(request, request.route)
        if found is None:
            raise Refusal("missing_token", "You are not logged in.", BEARER, kind=UNAUTHORIZED)
        return found

    async def _check(self, route: Route, tokens: SessionTokens) -> AccessClaims:
        return await self._authentication.check(route, b"Bearer " + tokens.access_token.encode())

    async def _refreshed(self, request: Request, tokens: SessionTokens, refresh: Refresh) -> SessionTokens:
        try:
            current = await refresh(request, tokens)
        except GrantRefusedError:
            detail = "This session has ended. Log in again."
            raise Refusal(
                "session_ended", detail, BEARER, self.cookies.delete_session(), kind=UNAUTHORIZED
            ) from None
        if current is not tokens:
            self.keep(request, current)
        return current

    def _opened(self, sealed: bytes) -> SessionTokens | None:
        packed = self._sealer.open(PURPOSE, sealed)
        return None if packed is None else SessionTokens.unpacked(packed)
