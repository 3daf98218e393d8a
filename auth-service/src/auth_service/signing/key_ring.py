"""The ring: a vault's keys with their states; signs, publishes, rotates and withdraws."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth_service.domain.clock import Clock
from auth_service.domain.errors import NoSigningKey, UnknownKey
from auth_service.domain.signing_keys import FormerKey, KeyName, KeyState, KeyStatus, KeyTimes, key_states
from auth_service.signing.jwk import jwk_set
from auth_service.signing.jws import compact
from auth_service.signing.key_storage import KeyStorage, KeyStorageUnavailable, PublicKeys
from auth_service.signing.pem import public_der

LOOK_EVERY = 0.25  # seconds; how late another process's change is seen at most
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Document:
    kids: tuple[str, ...]
    body: bytes
    etag: str


class KeyRing:
    """Holds the signing keys of one vault; any number of threads and processes may share the vault.

    The vault is looked at again every 0.25 s at most, and states follow from the clock, so that every process
    that shares it signs with the same key and publishes the same set.
    """

    def __init__(self, vault: KeyStorage, times: KeyTimes, now: Clock, ticks: Clock = time.monotonic) -> None:
        """Open the vault, and make a first key if there is none; raises KeyFault for what is wrong with it."""
        self._vault, self._times, self._now, self._ticks = vault, times, now, ticks
        self._lock = threading.Lock()
        self._keys: PublicKeys = {}
        self._looked_at = self._began_at = float("-inf")
        self._document: _Document | None = None
        self._away = False
        vault.open()
        with vault.locked():
            if not vault.keys():
                vault.create(now())
        self._look(at_once=True)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Sign with the key that is current now: RS256, with ``kid`` and ``typ``; raises NoSigningKey."""
        try:
            return self._signed(claims, typ, self._current())
        except KeyStorageUnavailable:  # perhaps the key was withdrawn this very moment
            with _reaching():
                return self._signed(claims, typ, self._current(at_once=True))

    def current(self) -> str:
        """Give the id of the key that signs now; raises NoSigningKey."""
        return self._current().kid

    def refresh(self) -> None:
        """Look at the vault at once, or wait for the look of somebody else that begins now; one that is away changes nothing."""
        self._look(at_once=True, own=False)

    def version(self) -> str:
        """Give the ETag of the document."""
        return self.document()[1]

    def document(self) -> tuple[bytes, str]:
        """Give the JWK Set of every key that is next, current or retired, newest first, and its ETag."""
        keys = self._look()
        kids = tuple(status.kid for status in self._published(keys))
        document = self._document
        if document is None or document.kids != kids:
            public = {birth.kid: key for birth, key in keys.items()}
            body = jwk_set((kid, public[kid]) for kid in kids)
            document = _Document(kids, body, hashlib.sha256(body).hexdigest()[:32])
            self._document = document
        return document.body, document.etag

    def statuses(self) -> list[KeyStatus]:
        """Give every key's state now, oldest first."""
        return key_states(self._look(at_once=True), self._now(), self._times)

    def former(self) -> list[FormerKey]:
        """Return every key that is retired or expired, oldest first, with its public half."""
        keys = self._look(at_once=True)
        return [
            FormerKey(
                status.kid, public_der(keys[KeyName(status.created_at, status.kid)]), status.signs_until
            )
            for status in key_states(keys, self._now(), self._times)
            if status.state in {KeyState.RETIRED, KeyState.EXPIRED} and status.signs_until is not None
        ]

    def public_key(self, kid: str) -> RSAPublicKey | None:
        """Return the public half of a key that is here, published or not; None for one that is not here."""
        return next((key for birth, key in self._look().items() if birth.kid == kid), None)

    def rotate(self) -> str:
        """Add a key; it signs once every verifier can know it. Raises NoSigningKey when the vault is away."""
        with self._changing():
            return self._vault.create(self._now()).kid

    def rotate_if_older(self, seconds: float) -> str | None:
        """Add a key unless the newest is younger than this; of all who ask at once, one adds it."""
        with self._changing():
            newest = max(self._look(strict=True), default=None)
            if newest is not None and self._now() - newest.created_at < seconds:
                return None
            return self._vault.create(self._now()).kid

    def withdraw(self, kid: str) -> str | None:
        """Take a key out at once, and expired ones with it; gives the id of a key that had to be made."""
        made = None
        with self._changing():
            states = key_states(self._look(strict=True), self._now(), self._times)
            gone = [status for status in states if status.kid == kid]
            if not gone:
                raise UnknownKey(f"no signing key has the id {kid!r}")
            # an expired key left alone would be the newest again, and sign
            gone += [status for status in states if status.state is KeyState.EXPIRED and status.kid != kid]
            if len(gone) == len(states):
                made = self._vault.create(self._now()).kid
            for status in gone:
                self._vault.delete(KeyName(status.created_at, status.kid))
        return made

    def prune(self) -> list[str]:
        """Remove expired keys; gives their ids."""
        with self._changing():
            states = key_states(self._look(strict=True), self._now(), self._times)
            gone = [status for status in states if status.state is KeyState.EXPIRED]
            for status in gone:
                self._vault.delete(KeyName(status.created_at, status.kid))
        return [status.kid for status in gone]

    def fault(self) -> str | None:
        """Say why nothing can be signed, None when it can: a readiness check."""
        try:
            self._current()
        except NoSigningKey as error:
            return str(error)
        return None

    def _signed(self, claims: Mapping[str, object], typ: str, birth: KeyName) -> str:
        return compact(claims, kid=birth.kid, typ=typ, sign=lambda message: self._vault.sign(birth, message))

    def _current(self, *, at_once: bool = False) -> KeyName:
        for status in key_states(self._look(at_once=at_once), self._now(), self._times):
            if status.state is KeyState.CURRENT:
                return KeyName(status.created_at, status.kid)
        raise NoSigningKey("no signing key is available", retry_after=5)

    def _published(self, keys: PublicKeys) -> list[KeyStatus]:
        states = key_states(keys, self._now(), self._times)
        return [status for status in reversed(states) if status.state is not KeyState.EXPIRED]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with _reaching():
            with self._vault.locked():
                yield
            self._look(at_once=True)

    def _look(self, *, at_once: bool = False, strict: bool = False, own: bool | None = None) -> PublicKeys:
        """Give the keys as they are; ``own`` tells whether a change is this process' own doing."""
        at_once = at_once or strict
        own = at_once if own is None else own
        if not at_once and self._ticks() - self._looked_at < LOOK_EVERY:
            return self._keys
        asked_at = self._ticks()
        if not self._lock.acquire(blocking=at_once):
            # Somebody looks already: a vault may be slow, and requests need not queue for it.
            return self._keys
        try:
            if self._began_at > asked_at and not strict:  # somebody looked while we waited
                return self._keys
            self._began_at = self._ticks()
            keys = self._vault.keys()
        except KeyStorageUnavailable as error:  # what was read stays good while the vault is away
            if strict:
                raise
            if not self._away:  # once, and not at every look
                _log.error("the signing keys cannot be read", reason=str(error))
            self._away = True
        else:
            self._away = False
            if keys.keys() != self._keys.keys() and not own:  # another process did it, or a person
                _log.info("the signing keys have changed", kids=[birth.kid for birth in sorted(keys)])
            self._keys = keys
        finally:
            self._looked_at = self._ticks()
            self._lock.release()
        return self._keys


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except KeyStorageUnavailable as error:
        raise NoSigningKey(str(error), retry_after=5) from None
