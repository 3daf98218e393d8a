"""The token check: the gateway refuses what every service would refuse; the services verify again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol

from touchstone import AccessClaims, KeySet, Policy, StatusList, TokenError, Unavailable, Verifier
from touchstone.errors import (
    DuplicateAuthorization,
    InsufficientScope,
    MalformedAuthorization,
    MissingToken,
    StatusUnavailable,
    Unconfirmed,
    UnknownKey,
)
from touchstone.verifier import missing_documents

from gateway.errors import UNAUTHORIZED, Refusal, retry_after
from gateway.routing.route import Route

_VISIBLE = bytes(range(0x21, 0x7F))
_REFRESH_WAIT = 0.5  # seconds that a request with an unknown key may wait for newer keys
_FIRST_WAIT = 1.0  # seconds that requests may wait for the first fetch of the keys or of a list
_CONFIRM_WAIT = 1.0  # seconds that requests to `fresh` routes may wait for a confirmation
_MAX_WAITS = 2  # documents waited for at once, each on one thread, whatever the number of requests


Waits = dict[str | None, asyncio.Task[object]]  # by the URI of a status list; None: for the keys


class VerificationDocuments(Protocol):
    """The part of touchstone's IssuerDocuments that the check uses."""

    def keys(self) -> KeySet:
        """Return the keys, or raise Unavailable. Does not block."""

    def status_list(self, uri: str) -> StatusList:
        """Return the list, or raise UnknownStatus or StatusUnavailable. Does not block."""

    def wait_first(self, uri: str | None, seconds: float) -> object:
        """Block until the first fetch of the list (None: of the keys) has ended."""

    def refresh_keys(self, seconds: float) -> object:
        """Fetch the keys now, at a limited rate, and block until that has ended."""

    def confirmed(self, claims: AccessClaims) -> bool:
        """Return whether keys and list were confirmed recently. Does not block."""

    def confirm(self, claims: AccessClaims, seconds: float) -> object:
        """Block until keys and list are confirmed, or raise Unconfirmed."""

    def ready(self) -> bool:
        """Return whether there are keys."""

    def close(self) -> None:
        """Stop following."""


class Authentication:
    """Verifies bearer tokens for several audiences with one set of documents. Never blocks the event loop."""

    def __init__(
        self,
        issuer: str,
        audiences: frozenset[str],
        documents: VerificationDocuments,
        *,
        now: Callable[[], float],
    ) -> None:
        self._documents = documents
        accepted: dict[str | None, str | frozenset[str]] = {each: each for each in audiences} | {
            None: audiences
        }
        self._verifiers = {
            audience: Verifier(Policy(issuer, names), documents.keys, lists=documents.status_list, now=now)
            for audience, names in accepted.items()
        }
        self._first_waits: Waits = {}
        self._confirmations: Waits = {}

    def ready(self) -> bool:
        """Return whether tokens can be verified; the first call starts to follow the issuer."""
        return self._documents.ready()

    def close(self) -> None:
        """Stop following the issuer."""
        self._documents.close()

    async def check(self, route: Route, authorization: bytes | None) -> AccessClaims:
        """Return the claims of the bearer token in an Authorization header, which suffices for the route.

        A route without audience takes a token of any audience that another route has.

        Raise Refusal: 401 with a challenge (RFC 6750 section 3); 403 without a scope; 503 without keys or without the
        token's status list, and on a `fresh` route if they cannot be confirmed.
        """
        verify = self._verifiers[route.audience].verify
        try:
            token = bearer_token(authorization)
            try:
                claims = verify(token)
            except (UnknownKey, Unavailable) as error:
                await self._obtain(verify, token, error)
                claims = verify(token)
            if route.fresh and not self._documents.confirmed(claims):
                await self._confirm(claims)
                claims = verify(token)
            if not claims.scopes.issuperset(route.scopes):
                raise InsufficientScope(route.scopes)
        except TokenError as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            if isinstance(error, MissingToken):
                challenge = "Bearer"
            raise Refusal(error.slug, str(error), _challenge(challenge), kind=UNAUTHORIZED) from None
        except InsufficientScope as error:
            challenge = f'Bearer error="insufficient_scope", scope="{" ".join(error.required)}"'
            raise Refusal(error.slug, str(error), _challenge(challenge)) from None
        except Unavailable as error:
            raise Refusal(error.slug, str(error), retry_after(error.retry_after)) from None
        return claims

    async def _obtain(
        self, verify: Callable[[str], AccessClaims], token: str, error: UnknownKey | Unavailable
    ) -> None:
        """Wait briefly for a key or list that is missing."""
        for lacking in missing_documents(verify, token, error):
            if isinstance(lacking, UnknownKey):  # perhaps a new one
                await asyncio.to_thread(self._documents.refresh_keys, _REFRESH_WAIT)
            else:
                uri = lacking.uri if isinstance(lacking, StatusUnavailable) else None
                await _share(self._first_waits, uri, self._documents.wait_first, uri, _FIRST_WAIT)

    async def _confirm(self, claims: AccessClaims) -> None:
        """Have keys and list confirmed, or raise Unconfirmed."""

        def confirm() -> None:
            with suppress(Unconfirmed):  # looked up below, by each request that waits
                self._documents.confirm(claims, _CONFIRM_WAIT)

        await _share(self._confirmations, None if claims.status is None else claims.status.uri, confirm)
        if not self._documents.confirmed(claims):
            raise Unconfirmed


async def _share(waits: Waits, uri: str | None, wait: Callable[..., object], *arguments: Any) -> None:
    """Run `wait` in a thread, once for all requests that need it at the time; return at once if too many are running."""
    task = waits.get(uri)
    if task is None:
        if len(waits) >= _MAX_WAITS:
            return
        task = waits[uri] = asyncio.create_task(asyncio.to_thread(wait, *arguments))
        task.add_done_callback(lambda _: waits.pop(uri))
    await asyncio.shield(task)  # a request that is cancelled does not end the wait of the others


def _challenge(value: str) -> tuple[bytes, bytes]:
    return b"www-authenticate", value.encode()


@lru_cache(maxsize=512)  # of at most 32 KiB each; a token in it is verified at each use
def bearer_token(authorization: bytes | None) -> str:
    """Return the token of an Authorization header (RFC 6750 section 2.1), or raise TokenError."""
    scheme, _, rest = (authorization or b"").partition(b" ")
    if authorization is not None and b"," in authorization:
        raise DuplicateAuthorization
    if scheme.lower() != b"bearer":
        raise MissingToken
    token = rest.lstrip(b" ")
    if not token or token.translate(None, _VISIBLE):
        raise MalformedAuthorization
    return token.decode("ascii")
