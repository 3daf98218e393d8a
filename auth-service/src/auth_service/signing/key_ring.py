"""The key ring: the keys of a key storage with their states; signs, publishes, rotates and withdraws."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth_service.domain.clock import Clock
from auth_service.domain.errors import NoSigningKey, UnknownSigningKey
from auth_service.domain.signing_keys import FormerKey, KeyName, KeyState, KeyStatus, KeyTimes, key_states
from auth_service.signing.jwk import jwk_set
from auth_service.signing.jws import compact
from auth_service.signing.key_storage import KeyStorage, KeyStorageUnavailable, PublicKeys
from auth_service.signing.pem import public_der

READ_EVERY = 0.25  # seconds; the longest delay until another process's change is noticed
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Document:
    kids: tuple[str, ...]
    body: bytes
    etag: str


class KeyRing:
    """The signing keys of one key storage, which any number of threads and processes may share.

    The storage is read again after at most 0.25 s, and states follow from the clock, so all processes that share it
    sign with the same key and publish the same set.
    """

    def __init__(
        self, storage: KeyStorage, times: KeyTimes, now: Clock, ticks: Clock = time.monotonic
    ) -> None:
        """Open the storage, and make a first key if it is empty; raise KeyFault if the storage is unusable."""
        self._storage, self._times, self._now, self._ticks = storage, times, now, ticks
        self._lock = threading.Lock()
        self._keys: PublicKeys = {}
        self._read_at = self._read_began_at = float("-inf")
        self._document: _Document | None = None
        self._unavailable = False
        storage.open()
        with storage.locked():
            if not storage.keys():
                storage.create(now())
        self._read(at_once=True)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a JWT signed with the current key: RS256, with `kid` and `typ`; raise NoSigningKey."""
        try:
            return self._signed(claims, typ, self._current())
        except KeyStorageUnavailable:  # the key may just have been withdrawn
            with _reaching():
                return self._signed(claims, typ, self._current(at_once=True))

    def current(self) -> str:
        """Return the id of the key that signs now; raise NoSigningKey."""
        return self._current().kid

    def refresh(self) -> None:
        """Read the storage now, or wait for a read that another thread begins now; keep the known keys if it is unavailable."""
        self._read(at_once=True, own=False)

    def version(self) -> str:
        """Return the ETag of the document."""
        return self.document()[1]

    def document(self) -> tuple[bytes, str]:
        """Return the JWK Set of every key that is next, current or retired, newest first, and its ETag."""
        keys = self._read()
        kids = tuple(status.kid for status in self._published(keys))
        document = self._document
        if document is None or document.kids != kids:
            public = {key_name.kid: key for key_name, key in keys.items()}
            body = jwk_set((kid, public[kid]) for kid in kids)
            document = _Document(kids, body, hashlib.sha256(body).hexdigest()[:32])
            self._document = document
        return document.body, document.etag

    def statuses(self) -> list[KeyStatus]:
        """Return every key's state now, oldest first."""
        return key_states(self._read(at_once=True), self._now(), self._times)

    def former(self) -> list[FormerKey]:
        """Return every key that is retired or expired, oldest first, with its public half."""
        keys = self._read(at_once=True)
        return [
            FormerKey(
                status.kid, public_der(keys[KeyName(status.created_at, status.kid)]), status.signs_until
            )
            for status in key_states(keys, self._now(), self._times)
            if status.state in {KeyState.RETIRED, KeyState.EXPIRED} and status.signs_until is not None
        ]

    def public_key(self, kid: str) -> RSAPublicKey | None:
        """Return the public half of a stored key, published or not; None for any other."""
        return next((key for key_name, key in self._read().items() if key_name.kid == kid), None)

    def rotate(self) -> str:
        """Add a key, which signs once every verifier can know it; raise NoSigningKey if the storage is unavailable."""
        with self._changing():
            return self._storage.create(self._now()).kid

    def rotate_if_older(self, seconds: float) -> str | None:
        """Add a key unless the newest is younger than this; of concurrent calls one adds it."""
        with self._changing():
            newest = max(self._read(strict=True), default=None)
            if newest is not None and self._now() - newest.created_at < seconds:
                return None
            return self._storage.create(self._now()).kid

    def withdraw(self, kid: str) -> str | None:
        """Remove a key at once, and expired ones with it; return the id of a new key if one was needed."""
        made = None
        with self._changing():
            states = key_states(self._read(strict=True), self._now(), self._times)
            gone = [status for status in states if status.kid == kid]
            if not gone:
                raise UnknownSigningKey(f"no signing key has the id {kid!r}")
            # an expired key left alone would be the newest, and sign
            gone += [status for status in states if status.state is KeyState.EXPIRED and status.kid != kid]
            if len(gone) == len(states):
                made = self._storage.create(self._now()).kid
            for status in gone:
                self._storage.delete(KeyName(status.created_at, status.kid))
        return made

    def prune(self) -> list[str]:
        """Remove expired keys; return their ids."""
        with self._changing():
            states = key_states(self._read(strict=True), self._now(), self._times)
            gone = [status for status in states if status.state is KeyState.EXPIRED]
            for status in gone:
                self._storage.delete(KeyName(status.created_at, status.kid))
        return [status.kid for status in gone]

    def fault(self) -> str | None:
        """Return why nothing can be signed, None if it can: a readiness check."""
        try:
            self._current()
        except NoSigningKey as error:
            return str(error)
        return None

    def _signed(self, claims: Mapping[str, object], typ: str, key_name: KeyName) -> str:
        return compact(
            claims, kid=key_name.kid, typ=typ, sign=lambda message: self._storage.sign(key_name, message)
        )

    def _current(self, *, at_once: bool = False) -> KeyName:
        for status in key_states(self._read(at_once=at_once), self._now(), self._times):
            if status.state is KeyState.CURRENT:
                return KeyName(status.created_at, status.kid)
        raise NoSigningKey("no signing key is available", retry_after=5)

    def _published(self, keys: PublicKeys) -> list[KeyStatus]:
        states = key_states(keys, self._now(), self._times)
        return [status for status in reversed(states) if status.state is not KeyState.EXPIRED]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with _reaching():
            with self._storage.locked():
                yield
            self._read(at_once=True)

    def _read(self, *, at_once: bool = False, strict: bool = False, own: bool | None = None) -> PublicKeys:
        """Return the keys; `own` says whether a change is this process's own and need not be logged."""
        at_once = at_once or strict
        own = at_once if own is None else own
        if not at_once and self._ticks() - self._read_at < READ_EVERY:
            return self._keys
        asked_at = self._ticks()
        if not self._lock.acquire(blocking=at_once):
            # Another thread is reading: the storage may be slow, and requests need not queue for it.
            return self._keys
        try:
            if self._read_began_at > asked_at and not strict:  # read by another thread meanwhile
                return self._keys
            self._read_began_at = self._ticks()
            keys = self._storage.keys()
        except KeyStorageUnavailable as error:  # the known keys stay valid while the storage is unavailable
            if strict:
                raise
            if not self._unavailable:  # log once, not at every read
                _log.error("the signing keys cannot be read", reason=str(error))
            self._unavailable = True
        else:
            self._unavailable = False
            if keys.keys() != self._keys.keys() and not own:  # changed by another process or an operator
                _log.info("the signing keys have changed", kids=[key_name.kid for key_name in sorted(keys)])
            self._keys = keys
        finally:
            self._read_at = self._ticks()
            self._lock.release()
        return self._keys


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except KeyStorageUnavailable as error:
        raise NoSigningKey(str(error), retry_after=5) from None
