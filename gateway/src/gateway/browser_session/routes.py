"""The handlers of `/bff/…`: log-in, its callback, the session as the page sees it, and log-out."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Never

from gateway.browser_session.browser_sessions import BrowserSessions
from gateway.browser_session.issuer_client import GrantRefusedError, IssuerClient
from gateway.browser_session.login import Login
from gateway.errors import Refusal
from gateway.own_routes import Handler, json_response, send
from gateway.request import Request

PATHS = ("/bff/login", "/bff/callback", "/bff/session", "/bff/logout")


def handlers(sessions: BrowserSessions, login: Login, issuer_client: IssuerClient) -> Mapping[str, Handler]:
    """Return the handlers by path."""

    async def session(request: Request) -> None:
        """Say who is logged in: never with a token."""
        if sessions.tokens(request) is None:
            await json_response(request, 200, {"authenticated": False})
            return
        try:
            found = await sessions.require(request)
        except Refusal as refusal:
            if refusal.kind.status != HTTPStatus.UNAUTHORIZED:
                raise
            request.added_headers.clear()  # also the cookie of a session that was refreshed and has ended
            deleted = sessions.cookies.delete_session()
            await json_response(request, 200, {"authenticated": False}, deleted)
            return
        tokens, claims = found.tokens, found.claims
        answer = {
            "authenticated": True,
            "sub": claims.subject,
            "name": tokens.name,
            "email": tokens.email,
            "roles": sorted(claims.roles),
            "scopes": sorted(claims.scopes),
            "expires_at": int(claims.expires_at),
            "claims": tokens.claims,
            "header": tokens.header,
        }
        await json_response(request, 200, answer)

    async def log_out(request: Request) -> None:
        """End the session everywhere, then the cookie. While the issuer does not answer, both stay."""
        sessions.check_same_origin(request)
        tokens = sessions.usable_tokens(request)
        if tokens is not None:
            with suppress(GrantRefusedError):  # it has ended already
                await issuer_client.log_out(request, await sessions.refresher.current(request, tokens))
        await send(request, 204, b"", sessions.cookies.delete_session())

    return dict(zip(PATHS, (login.begin, login.complete, session, log_out), strict=True))


def off() -> Mapping[str, Handler]:
    """Return the handlers of a gateway without keys for the cookie."""
    return dict.fromkeys(PATHS, refuse)


async def refuse(_: Request) -> Never:
    """Raise Refusal, for a handler that needs a session."""
    raise Refusal("browser_sessions_off", "The operator has to set BFF_KEYS.")
