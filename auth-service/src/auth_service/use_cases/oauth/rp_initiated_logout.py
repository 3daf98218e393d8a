"""RP-Initiated Logout (OpenID Connect RP-Initiated Logout 1.0): the request, its confirmation, the log-out."""

from collections.abc import Iterable
from dataclasses import dataclass

from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.domain.oauth.id_token import IdTokenHint, IdTokenHints
from auth_service.domain.oauth.redirect_uris import add_parameters, is_registered
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.use_cases.sessions.browser_logout import EndBrowserSession

REFUSED = "the application sent an invalid log-out request"


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A log-out request. `redirect_uri` is where the browser goes afterwards, None to show a page.

    `hint` is None if the ID token is absent or cannot be read.
    """

    client: Client | None
    hint: IdTokenHint | None
    redirect_uri: str | None

    def needs_confirmation(self, user: BrowserUser | None) -> bool:
        """Return whether the user has to confirm: one is logged in, and no ID token of theirs was sent.

        Otherwise any web page could log users out.
        """
        return user is not None and (self.hint is None or self.hint.sub != user.account.sub)


@dataclass(frozen=True, slots=True)
class LogoutRequestParser:
    """Parses log-out requests."""

    clients: Clients
    hints: IdTokenHints
    issuer: str

    def __call__(self, pairs: Iterable[tuple[str, str]]) -> LogoutRequest:
        """Return the request; raise InvalidAuthorizationRequest for a redirect URI that is not registered.

        An ID token that cannot be read counts as absent, so the user has to confirm. If it alone could name the client,
        there is no redirect afterwards, since the URI cannot be checked.
        """
        values: dict[str, str] = {}
        for name, value in pairs:
            if name in values:
                raise InvalidAuthorizationRequest(REFUSED, f"{name} appears more than once")
            if value:
                values[name] = value
        hint = self.hints.read(values["id_token_hint"]) if "id_token_hint" in values else None
        client_id = values.get("client_id") or (hint.client_id if hint else None)
        if hint is not None and client_id != hint.client_id:
            raise InvalidAuthorizationRequest(REFUSED, "client_id is not the client of id_token_hint")
        client = self.clients.get(client_id) if client_id else None
        return LogoutRequest(client, hint, self._redirect_uri(client, values))

    def _redirect_uri(self, client: Client | None, values: dict[str, str]) -> str | None:
        uri = values.get("post_logout_redirect_uri")
        if uri is None or (client is None and "client_id" not in values and "id_token_hint" in values):
            return None
        known = client.post_logout_redirect_uris if client is not None and client.enabled else ()
        if not is_registered(uri, known, self.issuer):
            raise InvalidAuthorizationRequest(
                "this application's address for the return after log-out is not registered",
                f"post_logout_redirect_uri {uri} is not registered for client {client.client_id}"
                if client
                else "client_id is missing or unknown",
            )
        return add_parameters(uri, {"state": values.get("state")})


@dataclass(frozen=True, slots=True)
class RpInitiatedLogout:
    """Carries out a log-out request."""

    end_browser_session: EndBrowserSession

    def __call__(self, request: LogoutRequest, user: BrowserUser | None) -> None:
        """End the browser session and the sessions opened through it, and the hint's session if it is the same user's."""
        if user is None:
            if request.hint is not None:
                self.end_browser_session(request.hint.sub, None, request.hint.sid)
            return
        sid = request.hint.sid if request.hint else None  # of another account it is ignored
        self.end_browser_session(user.account.sub, user.session.digest, sid)
