"""Log-in by authorization code with PKCE (RFC 6749 section 4.1, RFC 7636), through the gateway's own address.

`state` holds where to go afterwards, sealed and bound to a secret in the browser's log-in cookie, and the code verifier is
made of both: so the gateway stores nothing, tabs do not disturb one another, and a response that another browser
asked for is refused (RFC 9700 section 4.7).
"""

import base64
import contextlib
import hashlib
import hmac
import json
import re
import secrets
from urllib.parse import parse_qsl, urlencode

from touchstone.text import is_line

from gateway.browser_session.browser_sessions import BrowserSessions
from gateway.browser_session.issuer_client import CLIENT_ID, GrantRefusedError, IssuerClient
from gateway.browser_session.sealer import Sealer
from gateway.errors import Refusal
from gateway.own_routes import send
from gateway.request import Request

AUTHORIZE = "/oauth/authorize"
LOGIN_SECONDS = 3600  # from the beginning of a log-in to its end: a person may have to open an account first
MAX_NEXT = 1000  # characters
MAX_HINT = 320
MOVED = "moved"  # a parameter of the query
MAX_FIELDS = 20
_PURPOSE = b"login1"
_SECRET = re.compile(rb"[A-Za-z0-9_-]{43}")
# A path, query and fragment: neither `//host` nor what browsers read as such, and nothing that they drop or convert.
_NEXT = re.compile(r"/(?!/)[!-~]*")


class Login:
    """Begins and completes log-ins."""

    def __init__(
        self, sessions: BrowserSessions, issuer_client: IssuerClient, sealer: Sealer, issuer: str
    ) -> None:
        self._sessions = sessions
        self._issuer_client = issuer_client
        self._sealer = sealer
        self._issuer = issuer
        self._host = issuer.partition("://")[2].encode()

    async def begin(self, request: Request) -> None:
        """Redirect to the authorization endpoint; set the log-in cookie. Raise Refusal (403) in a frame.

        At another name of the gateway, such as 127.0.0.1 for localhost, first redirect to that of the issuer, where the
        log-in ends: only there is the cookie sent. A proxy may have replaced Host, so this is done once.
        """
        _check_page(request)
        fields = _fields(request)
        if request.headers.host != self._host and MOVED not in fields:
            asked = request.query.decode("ascii")
            await _redirect(request, f"{self._issuer}/bff/login?{asked}&{MOVED}")
            return
        cookies = self._sessions.cookies
        secret = cookies.login(request.headers)
        if not _SECRET.fullmatch(secret):
            secret = secrets.token_urlsafe(32).encode()
        state = self._state(secret, own_path(fields.get("next", "")))
        query = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self._issuer_client.redirect_uri,
            "state": state,
            "code_challenge": _base64url(hashlib.sha256(_verifier(secret, state).encode()).digest()),
            "code_challenge_method": "S256",
        }
        hint = fields.get("login_hint", "")
        if hint and len(hint) <= MAX_HINT and is_line(hint):
            query["login_hint"] = hint
        cookie = cookies.set_login(secret.decode(), LOGIN_SECONDS)
        await _redirect(request, f"{AUTHORIZE}?{urlencode(query)}", cookie)

    async def complete(self, request: Request) -> None:
        """Redeem the code, set the session cookie and redirect to `next`.

        An earlier session of this browser ends. Raise Refusal: 400 for a response that this browser did not ask for, or
        of a log-in that was not completed; 403 in a frame; 503 if the authorization server does not answer.
        """
        _check_page(request)
        fields = _fields(request)
        secret, state = self._sessions.cookies.login(request.headers), fields.get("state", "")
        opened = self._sealer.open(_PURPOSE, state.encode(), LOGIN_SECONDS)
        if opened is None or not _SECRET.fullmatch(secret):
            raise _failed("The log-in was not begun in this browser, or more than an hour ago.")
        following, binding = json.loads(opened)
        if not hmac.compare_digest(binding, _binding(secret)):
            raise _failed("The log-in was begun in another browser.")
        if fields.get("iss") != self._issuer:  # RFC 9207
            raise _failed("The response is not that of the authorization server.")
        if "code" not in fields:
            raise _failed("You have not been logged in.")
        earlier = self._sessions.tokens(request)
        try:
            tokens = await self._issuer_client.redeem(request, fields["code"], _verifier(secret, state))
        except GrantRefusedError:
            raise _failed("The log-in has expired, or was completed already.") from None
        self._sessions.keep(request, tokens)
        if earlier is not None:
            with contextlib.suppress(Refusal):
                await self._issuer_client.revoke(request, earlier)
        await _redirect(request, following)

    def _state(self, secret: bytes, following: str) -> str:
        return self._sealer.seal(_PURPOSE, json.dumps([following, _binding(secret)]).encode())


def _check_page(request: Request) -> None:
    """Raise Refusal (403) for a log-in in a frame or a picture: the user does not see that it replaces the session.

    Browsers say what a request is for (Fetch Metadata, section 2.1); without the header there is nothing to check.
    """
    if request.headers.value(b"sec-fetch-dest").strip() not in {b"", b"document"}:
        raise Refusal("cross_site_request", "A log-in needs a page of its own, not a frame.")


def _fields(request: Request) -> dict[str, str]:
    """Return the parameters of the query, without those that are repeated. Raise Refusal (400) for too many."""
    try:
        pairs = parse_qsl(request.query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refusal("bad_request", f"The query has more than {MAX_FIELDS} parameters.") from None
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def own_path(value: str) -> str:
    """Return where to go after the log-in: this path of the gateway, `/` for anything else."""
    return value if len(value) <= MAX_NEXT and _NEXT.fullmatch(value) and "\\" not in value else "/"


def _verifier(secret: bytes, state: str) -> str:
    return _base64url(hmac.digest(secret, b"verifier:" + state.encode(), "sha256"))


def _binding(secret: bytes) -> str:
    return _base64url(hmac.digest(secret, b"binding", "sha256"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _failed(why: str) -> Refusal:
    return Refusal("login_not_completed", f"{why} Please log in again.")


async def _redirect(request: Request, location: str, *headers: tuple[bytes, bytes]) -> None:
    line = (b"location", location.encode("ascii"))
    await send(request, 302, b"", line, (b"cache-control", b"no-store"), *headers)
