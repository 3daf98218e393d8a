"""The token check: the gateway refuses what every service would refuse; the services verify again."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from touchstone import AccessClaims, KeySet, Policy, StatusList, TokenError, Unavailable, Verifier
from touchstone.errors import (
    DuplicateAuthorization,
    MalformedAuthorization,
    MissingToken,
    StatusUnavailable,
    UnknownKey,
)
from touchstone.verifier import missing_documents

from gateway.errors import UNAUTHORIZED, Refusal, retry_after

_VISIBLE = bytes(range(0x21, 0x7F))
_REFRESH_WAIT = 0.5  # seconds that a request with an unknown key may wait for newer keys
_FIRST_WAIT = 1.0  # seconds that requests may wait for the first fetch of the keys or of a list
_MAX_FIRST_WAITS = 2  # documents waited for at once, each on one thread, whatever the number of requests


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

    def ready(self) -> bool:
        """Return whether there are keys."""

    def close(self) -> None:
        """Stop following."""


class Authentication:
    """Verifies bearer tokens for several audiences with one set of documents. Never blocks the event loop."""

    def __init__(
        self,
        issuer: str,
        audiences: Iterable[str],
        documents: VerificationDocuments,
        *,
        now: Callable[[], float],
    ) -> None:
        self._documents = documents
        self._verifiers = {
            audience: Verifier(Policy(issuer, audience), documents.keys, lists=documents.status_list, now=now)
            for audience in audiences
        }
        self._first_waits: dict[str | None, asyncio.Task[object]] = {}

    def ready(self) -> bool:
        """Return whether tokens can be verified; the first call starts to follow the issuer."""
        return self._documents.ready()

    def close(self) -> None:
        """Stop following the issuer."""
        self._documents.close()

    async def check(self, audience: str, authorization: bytes | None) -> AccessClaims:
        """Return the claims of the bearer token in an Authorization header.

        Raise Refusal: 401 with a challenge (RFC 6750 section 3), 503 without keys or without the token's status list.
        """
        try:
            return await self._verify(self._verifiers[audience].verify, bearer_token(authorization))
        except TokenError as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            if isinstance(error, MissingToken):
                challenge = "Bearer"
            raise Refusal(
                error.slug, str(error), (b"www-authenticate", challenge.encode()), kind=UNAUTHORIZED
            ) from None
        except Unavailable as error:
            raise Refusal(error.slug, str(error), retry_after(error.retry_after)) from None

    async def _verify(self, verify: Callable[[str], AccessClaims], token: str) -> AccessClaims:
        """Verify; wait briefly for a key or list that is missing."""
        try:
            return verify(token)
        except (UnknownKey, Unavailable) as error:
            for lacking in missing_documents(verify, token, error):
                if isinstance(lacking, UnknownKey):  # perhaps a new one
                    await asyncio.to_thread(self._documents.refresh_keys, _REFRESH_WAIT)
                else:
                    await self._wait_first(lacking.uri if isinstance(lacking, StatusUnavailable) else None)
        return verify(token)

    async def _wait_first(self, uri: str | None) -> None:
        wait = self._first_waits.get(uri)
        if wait is None:
            if len(self._first_waits) >= _MAX_FIRST_WAITS:
                return
            waiting = asyncio.to_thread(self._documents.wait_first, uri, _FIRST_WAIT)
            wait = self._first_waits[uri] = asyncio.create_task(waiting)
            wait.add_done_callback(lambda _: self._first_waits.pop(uri))
        await asyncio.shield(wait)  # a request that is cancelled does not end the wait of the others


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
