"""The token check at the edge: the door refuses what every service would refuse; they verify again."""

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

from gateway.errors import UNAUTHORIZED, Refusal, retry

_VISIBLE = bytes(range(0x21, 0x7F))
_EARLY_WAIT = 0.5  # seconds that a request with an unknown key may wait for a fetch out of turn
_FIRST_WAIT = 1.0  # seconds that requests may wait for the very first look at the keys, or at a list
# Documents that are waited for at once, each on one thread however many requests wait for it.
_FIRST_LOOKS = 2


class Documents(Protocol):
    """What the check needs of whoever follows the issuer's documents (touchstone.IssuerDocuments)."""

    def keys(self) -> KeySet:
        """Return the keys, at once, or raise Unavailable."""

    def status_list(self, uri: str) -> StatusList:
        """Return the list, at once, or raise UnknownStatus or StatusUnavailable."""

    def wait_first(self, uri: str | None, seconds: float) -> object:
        """Block until the first look at the list (None: at the keys) has ended."""

    def refresh_keys(self, seconds: float) -> object:
        """Ask for the keys out of turn, within bounds of its own, and block for a moment."""

    def ready(self) -> bool:
        """Tell whether there are keys."""

    def close(self) -> None:
        """Stop following."""


class Edge:
    """Verifies bearer tokens for several audiences with one set of documents. Never blocks the event loop."""

    def __init__(
        self, issuer: str, audiences: Iterable[str], documents: Documents, *, now: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._verifiers = {
            audience: Verifier(Policy(issuer, audience), documents.keys, lists=documents.status_list, now=now)
            for audience in audiences
        }
        self._looks: dict[str | None, asyncio.Task[object]] = {}

    def ready(self) -> bool:
        """Tell whether tokens can be checked."""
        return self._documents.ready()

    def close(self) -> None:
        """Stop following the issuer."""
        self._documents.close()

    async def check(self, audience: str, authorization: bytes | None) -> AccessClaims:
        """Return the claims of the one bearer token.

        Raises Refusal: 401 with a challenge; 503 without keys, or without the list that the token names.
        """
        try:
            return await self._verify(self._verifiers[audience].verify, bearer(authorization))
        except TokenError as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            if isinstance(error, MissingToken):
                challenge = "Bearer"
            raise Refusal(
                error.slug, str(error), (b"www-authenticate", challenge.encode()), kind=UNAUTHORIZED
            ) from None
        except Unavailable as error:
            raise Refusal(error.slug, str(error), retry(error.retry_after)) from None

    async def _verify(self, verify: Callable[[str], AccessClaims], token: str) -> AccessClaims:
        """Verify; a missing key or list gets a moment to arrive."""
        try:
            return verify(token)
        except (UnknownKey, Unavailable) as error:
            for lacking in missing_documents(verify, token, error):
                if isinstance(lacking, UnknownKey):  # perhaps newer than our set
                    await asyncio.to_thread(self._documents.refresh_keys, _EARLY_WAIT)
                else:
                    await self._first_look(lacking.uri if isinstance(lacking, StatusUnavailable) else None)
        return verify(token)

    async def _first_look(self, uri: str | None) -> None:
        look = self._looks.get(uri)
        if look is None:
            if len(self._looks) >= _FIRST_LOOKS:
                return
            waiting = asyncio.to_thread(self._documents.wait_first, uri, _FIRST_WAIT)
            look = self._looks[uri] = asyncio.create_task(waiting)
            look.add_done_callback(lambda _: self._looks.pop(uri))
        await asyncio.shield(look)  # of many requests one may leave


def bearer(authorization: bytes | None) -> str:
    """Return the token of an Authorization header (RFC 6750 section 2.1); raise TokenError."""
    scheme, _, rest = (authorization or b"").partition(b" ")
    if authorization is not None and b"," in authorization:
        raise DuplicateAuthorization
    if scheme.lower() != b"bearer":
        raise MissingToken
    token = rest.lstrip(b" ")
    if not token or token.translate(None, _VISIBLE):
        raise MalformedAuthorization
    return token.decode("ascii")
