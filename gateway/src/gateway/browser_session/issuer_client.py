"""The requests of the client `console` to the authorization server."""

import json
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlencode

from service_kit.clock import Clock

from gateway.browser_session.session_tokens import SessionTokens
from gateway.errors import Refusal, retry_after
from gateway.http_client.service_calls import ServiceCalls, ServiceResponse
from gateway.request import Request
from gateway.routing.routes import RouteTable

CLIENT_ID = "console"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
_FORM = b"content-type: application/x-www-form-urlencoded"
_JSON = b"content-type: application/json"
_OK, _UNAUTHORIZED, _NO_CONTENT = 200, 401, 204
_REFUSED = frozenset({400, 401})


class GrantRefusedError(Exception):
    """The authorization server refused a code or a refresh token."""


class IssuerClient:
    """Redeems codes, refreshes and ends sessions, on behalf of the browser whose request is given.

    Every method raises Refusal (503, 504, 502) while the authorization server does not answer.
    """

    def __init__(self, calls: ServiceCalls, routes: RouteTable, issuer: str, now: Clock) -> None:
        self._calls = calls
        self._service = routes.find("POST", TOKEN_PATH).upstream
        self._host = issuer.partition("://")[2].encode()
        self._now = now
        self.redirect_uri = f"{issuer}/bff/callback"

    async def redeem(self, request: Request, code: str, verifier: str) -> SessionTokens:
        """Return the tokens for an authorization code (RFC 6749 section 4.1.3). Raise GrantRefusedError."""
        tokens = await self._grant(
            request,
            "",
            "",
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=verifier,
        )
        response = await self._call(request, "GET", "/account", _bearer(tokens.access_token))
        name, email = self._values(response, "name", "email")
        return replace(tokens, name=name, email=email)

    async def refresh(self, request: Request, tokens: SessionTokens) -> SessionTokens:
        """Return the successors of these tokens (RFC 6749 section 6). Raise GrantRefusedError."""
        grant = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        return await self._grant(request, tokens.name, tokens.email, **grant)

    async def log_out(self, request: Request, tokens: SessionTokens) -> None:
        """End the session, and the one at the authorization server through which it was opened.

        Raise GrantRefusedError if it has ended already.
        """
        status = await self._end(request, tokens)
        if status == _UNAUTHORIZED:  # perhaps only the access token is refused: its key may be withdrawn
            status = await self._end(request, await self.refresh(request, tokens))
        if status not in {_NO_CONTENT, _UNAUTHORIZED}:
            raise self._unexpected()

    async def revoke(self, request: Request, tokens: SessionTokens) -> None:
        """End the session that another one replaces (RFC 7009)."""
        body = urlencode({"token": tokens.refresh_token, "client_id": CLIENT_ID}).encode()
        await self._call(request, "POST", "/oauth/revoke", _FORM, body=body)

    async def _end(self, request: Request, tokens: SessionTokens) -> int:
        headers = _bearer(tokens.access_token), _JSON
        body = b'{"browser_session": true}'
        return (await self._call(request, "POST", "/logout", *headers, body=body)).status

    async def _grant(self, request: Request, name: str, email: str, **fields: str) -> SessionTokens:
        # Before the token is issued, so that it may be taken for older than it is, and never for younger.
        asked_at = int(self._now())
        body = urlencode({"client_id": CLIENT_ID, **fields}).encode()
        response = await self._call(request, "POST", TOKEN_PATH, _FORM, body=body)
        if response.status in _REFUSED:
            raise GrantRefusedError
        access_token, refresh_token = self._values(response, "access_token", "refresh_token")
        return SessionTokens(access_token, refresh_token, name, email, asked_at)

    def _values(self, response: ServiceResponse, *names: str) -> list[str]:
        """Return these members of a JSON object. Raise Refusal (503) for any other response."""
        with suppress(ValueError, TypeError, KeyError):
            if response.status == _OK:
                answer = json.loads(response.body)
                return [answer[name] for name in names]
        raise self._unexpected()

    async def _call(
        self, request: Request, method: str, target: str, *headers: bytes, body: bytes = b""
    ) -> ServiceResponse:
        agent = [line for line in request.headers.lines if line.startswith(b"user-agent:")]
        origin = [
            f"x-forwarded-for: {request.client}".encode(),
            f"x-forwarded-proto: {request.scheme}".encode(),
            b"x-forwarded-host: " + self._host,
            f"x-request-id: {request.request_id}".encode(),
        ]
        return await self._calls(self._service, method, target, [*headers, *agent, *origin], body)

    def _unexpected(self) -> Refusal:
        detail = f"{self._service} could not answer. Your session is unchanged."
        return Refusal("upstream_unavailable", detail, retry_after(1))


def _bearer(access_token: str) -> bytes:
    return b"authorization: Bearer " + access_token.encode()
