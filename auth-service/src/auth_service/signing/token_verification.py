"""Verification of auth-service's own tokens with touchstone, against the key ring instead of over HTTP."""

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
    """The published keys as touchstone's `KeySet`, parsed when the document changes."""

    def __init__(self, published: KeyRing) -> None:
        self._published = published
        self._parsed = ("", KeySet({}))

    def __call__(self) -> KeySet:
        """Return the published keys."""
        body, etag = self._published.document()
        known, keys = self._parsed
        if known != etag:
            keys = KeySet.from_jwks(body)
            self._parsed = (etag, keys)
        return keys


class LocalStatuses:
    """The status lists as touchstone's `StatusList`, as last read from the database; they do not expire here."""

    def __init__(self, lists: StatusLists) -> None:
        self._lists = lists
        self._made: dict[int, tuple[StatusListSnapshot, StatusList]] = {}

    def __call__(self, uri: str) -> StatusList:
        """Return the list at this URI; raise UnknownStatus for any other issuer's, and StatusUnavailable."""
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


class BearerVerifier:
    """Verifies the bearer tokens of auth-service's own routes; `fresh_within` is in seconds."""

    def __init__(self, verifier: Verifier, lists: StatusLists, fresh_within: float) -> None:
        self._verifier, self._lists, self._fresh_within = verifier, lists, fresh_within

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a valid token; raise TokenError.

        With `fresh`, raise Unconfirmed if the status lists were not read within `fresh_within`.
        """
        claims = self._verifier.verify(token)
        if fresh and self._lists.age > self._fresh_within:
            raise Unconfirmed
        return claims


class AccessTokenReader:
    """The domain's `TokenReader`: one touchstone verifier for each audience."""

    def __init__(self, issuer: str, keys: LocalKeys, lists: LocalStatuses, store: Store, now: Clock) -> None:
        self._issuer, self._keys, self._lists = issuer, keys, lists
        self._store, self._now = store, now
        self._verifiers: dict[str, Verifier] = {}
        self._lock = threading.Lock()

    def verifier(self, audience: str) -> Verifier:
        """Return the verifier of an audience, always the same one: it caches verdicts."""
        with self._lock:
            if audience not in self._verifiers:
                policy = Policy(issuer=self._issuer, audience=audience)
                self._verifiers[audience] = Verifier(policy, self._keys, lists=self._lists, now=self._now)
            return self._verifiers[audience]

    def read(self, token: str, audience: str) -> VerifiedToken | None:
        """Return the token if it is valid for a resource server of this audience, else None."""
        try:
            return self._own(self.verifier(audience).verify(token))
        except TokenError:
            return None

    def read_any(self, token: str) -> VerifiedToken | None:
        """Return the token if it is valid for any of the registered audiences, else None."""
        with self._store.joining() as tx:
            known = tx.registry.get().audiences
        audience = next((name for name in _claimed_audiences(token) if name in known), None)
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
    """Finds the public key that signed a hint: in the key ring, or kept in the database."""

    def __init__(self, key_ring: KeyRing, store: Store, now: Clock) -> None:
        self._key_ring, self._store, self._now = key_ring, store, now

    def __call__(self, kid: str) -> RSAPublicKey | None:
        """Return the key; None for one that was withdrawn, is unknown, or is older than any session."""
        key = self._key_ring.public_key(kid)
        if key is not None or not is_kid(kid):
            return key
        with self._store.reading() as tx:
            kept = tx.hint_keys.get(kid)
        return None if kept is None or self._now() >= kept.keep_until else public_from_der(kept.public_key)


class IdTokenHintReader:
    """The domain's `HintReader`: ID tokens of this issuer, expired or not."""

    def __init__(self, issuer: str, keys: Callable[[str], RSAPublicKey | None]) -> None:
        self._issuer, self._keys = issuer, keys

    def read(self, id_token: str) -> IdTokenHint | None:
        """Return the log-in that an ID token describes; None for any other token."""
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
    """Return the audiences that a token claims, unverified: only to select the verifier."""
    try:
        claimed = read_object(split(token)[1]).get("aud")
    except TokenError:
        return []
    names = claimed if isinstance(claimed, list) else [claimed]
    return [name for name in names if isinstance(name, str)]


def _chain(actor: Actor | None) -> tuple[str, ...]:
    return () if actor is None else (actor.subject, *_chain(actor.actor))
