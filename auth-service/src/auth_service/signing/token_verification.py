"""Checking our own access tokens with touchstone, against the ring itself instead of over HTTP."""

import threading
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from touchstone import (
    AccessClaims,
    Actor,
    KeySet,
    Policy,
    StatusList,
    StatusUnavailable,
    TokenError,
    Unconfirmed,
    UnknownStatus,
    Verifier,
)
from touchstone.jws import read_object, split, verified_claims

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import VerifiedToken
from auth_service.domain.oauth.id_token import ID_TOKEN, IdTokenHint
from auth_service.domain.sessions.errors import StatusListsStale, UnknownStatusList
from auth_service.domain.sessions.status_bits import StatusRef
from auth_service.domain.sessions.status_list import StatusListSnapshot, parse_list_uri
from auth_service.domain.unit_of_work import Store
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.key_storage import is_kid
from auth_service.signing.pem import public_from_der
from auth_service.signing.status_list_tokens import StatusLists

_LONGEST_HINT = 16 * 1024  # as long as the query that it comes in


class LocalKeys:
    """The published keys as touchstone wants them, parsed again only when the document changes."""

    def __init__(self, published: KeyRing) -> None:
        self._published = published
        self._parsed = ("", KeySet({}))

    def __call__(self) -> KeySet:
        """Give the keys that are published now."""
        body, etag = self._published.document()
        known, keys = self._parsed
        if known != etag:
            keys = KeySet.from_jwks(body)
            self._parsed = (etag, keys)
        return keys


class LocalStatuses:
    """The status lists as touchstone wants them, as the last look saw them: nothing of them expires here."""

    def __init__(self, lists: StatusLists) -> None:
        self._lists = lists
        self._made: dict[int, tuple[StatusListSnapshot, StatusList]] = {}

    def __call__(self, uri: str) -> StatusList:
        """Give the list at this address; raises UnknownStatus for any that is none of ours, and StatusUnavailable."""
        try:
            bits = self._lists.last(parse_list_uri(self._lists.issuer, uri))
        except UnknownStatusList:
            raise UnknownStatus from None
        except StatusListsStale:
            raise StatusUnavailable(uri) from None
        known = self._made.get(bits.number)
        if known is None or known[0] is not bits:
            known = self._made[bits.number] = (bits, StatusList(uri, 1, bits.data, issued_at=0.0))
        return known[1]


class OwnBearers:
    """What guards this mint's own routes; ``fresh_within`` is in seconds."""

    def __init__(self, verifier: Verifier, lists: StatusLists, fresh_within: float) -> None:
        self._verifier, self._lists, self._fresh_within = verifier, lists, fresh_within

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Give the claims of a good token; raises TokenError.

        With ``fresh`` also Unconfirmed, when the status lists could not be looked at for longer than that.
        """
        claims = self._verifier.verify(token)
        if fresh and self._lists.age > self._fresh_within:
            raise Unconfirmed
        return claims


class OwnTokens:
    """The domain's TokenReader: one touchstone verifier for each audience that has been asked about."""

    def __init__(
        self, issuer: str, keys: LocalKeys, lists: LocalStatuses, audiences: frozenset[str], now: Clock
    ) -> None:
        self._issuer, self._keys, self._lists = issuer, keys, lists
        self._audiences, self._now = audiences, now
        self._verifiers: dict[str, Verifier] = {}
        self._lock = threading.Lock()

    def verifier(self, audience: str) -> Verifier:
        """Give the verifier of an audience; always the same one, for it remembers verdicts."""
        with self._lock:
            if audience not in self._verifiers:
                policy = Policy(issuer=self._issuer, audience=audience)
                self._verifiers[audience] = Verifier(policy, self._keys, lists=self._lists, now=self._now)
            return self._verifiers[audience]

    def read(self, token: str, audience: str) -> VerifiedToken | None:
        """Give the token if every rule for a resource server of this audience holds, else None."""
        try:
            return self._own(self.verifier(audience).verify(token))
        except TokenError:
            return None

    def read_any(self, token: str) -> VerifiedToken | None:
        """Likewise, for whichever of our audiences it was made."""
        audience = next((name for name in _claimed_audiences(token) if name in self._audiences), None)
        return None if audience is None else self.read(token, audience)

    def _own(self, claims: AccessClaims) -> VerifiedToken:
        listed = claims.status
        return VerifiedToken(
            subject=claims.subject,
            client_id=claims.client_id or "",
            audiences=claims.audience,
            scopes=claims.scopes,
            roles=claims.roles,
            expires_at=int(claims.expires_at),
            issued_at=int(claims.issued_at),
            token_id=claims.token_id,
            session_id=claims.session_id,
            auth_time=claims.auth_time,
            actors=_chain(claims.actor),
            status=None
            if listed is None
            else StatusRef(parse_list_uri(self._issuer, listed.uri), listed.index),
        )


class HintKeyFinder:
    """Finds the public half of any key that can have signed a hint: in the ring, or kept in the database."""

    def __init__(self, ring: KeyRing, store: Store, now: Clock) -> None:
        self._ring, self._store, self._now = ring, store, now

    def __call__(self, kid: str) -> RSAPublicKey | None:
        """Return the key; None for one that was withdrawn, was never ours, or is older than any session."""
        key = self._ring.public_key(kid)
        if key is not None or not is_kid(kid):
            return key
        with self._store.reading() as tx:
            kept = tx.hint_keys.get(kid)
        return None if kept is None or self._now() >= kept.keep_until else public_from_der(kept.public_key)


class OwnIdTokens:
    """The domain's HintReader: ID tokens that we signed, whether they have expired or not."""

    def __init__(self, issuer: str, keys: Callable[[str], RSAPublicKey | None]) -> None:
        self._issuer, self._keys = issuer, keys

    def read(self, id_token: str) -> IdTokenHint | None:
        """Give what an ID token says about a log-in; None for any other kind of token, and any that is not ours."""
        try:
            claims = verified_claims(id_token, (ID_TOKEN,), self._key, longest=_LONGEST_HINT)
        except TokenError:
            return None
        if claims.get("iss") != self._issuer:
            return None
        sub, client_id, sid = claims.get("sub"), claims.get("aud"), claims.get("sid")
        if not isinstance(sub, str) or not isinstance(client_id, str):
            return None
        return IdTokenHint(sub, client_id, sid if isinstance(sid, str) else None)

    def _key(self, header: Mapping[str, object]) -> RSAPublicKey | None:
        kid = header.get("kid")
        return self._keys(kid) if isinstance(kid, str) else None


def _claimed_audiences(token: str) -> list[str]:
    """Say, unverified, for whom a token claims to be: only to choose which full check to make."""
    try:
        claimed = read_object(split(token)[1]).get("aud")
    except TokenError:
        return []
    names = claimed if isinstance(claimed, list) else [claimed]
    return [name for name in names if isinstance(name, str)]


def _chain(actor: Actor | None) -> tuple[str, ...]:
    return () if actor is None else (actor.subject, *_chain(actor.actor))
