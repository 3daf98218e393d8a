"""The ring: the folder's keys, parsed once, with their states; signs, publishes, rotates and withdraws."""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from auth_service.domain.errors import NoSigningKey, UnknownKey
from auth_service.domain.keys import KeyBirth, KeyState, KeyStatus, KeyTimes, key_states
from auth_service.domain.times import Clock
from auth_service.signing.folder import KeyFolder, Keys, Signature
from auth_service.signing.jwk import jwk_set

LOOK_EVERY = 0.25  # seconds; how late another process's change is seen at most
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Document:
    kids: tuple[str, ...]
    body: bytes
    etag: str


class KeyRing:
    """Holds the signing keys of one folder; any number of threads and processes may share the folder.

    The folder is looked at again every 0.25 s at most, and states follow from the clock, so that every process
    that shares it signs with the same key and publishes the same set.
    """

    def __init__(self, folder: KeyFolder, times: KeyTimes, now: Clock, ticks: Clock = time.monotonic) -> None:
        """Read the folder, and make a first key if there is none; raises KeyFault for a bad key file."""
        self._folder, self._times, self._now, self._ticks = folder, times, now, ticks
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._signature: Signature = ()
        self._looked_at = float("-inf")
        self._document: _Document | None = None
        folder.create()
        with folder.locked():
            if not folder.read(folder.signature(), strict=True):
                folder.add(now())
        self._look(at_once=True)

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Sign with the key that is current now: RS256, with ``kid`` and ``typ``; raises NoSigningKey."""
        kid, key = self._current()
        return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": kid, "typ": typ})

    def document(self) -> tuple[bytes, str]:
        """Give the JWK Set of every key that is next, current or retired, newest first, and its ETag."""
        keys = self._look()
        kids = tuple(status.kid for status in self._published(keys))
        document = self._document
        if document is None or document.kids != kids:
            public = {birth.kid: key.public_key() for birth, key in keys.items()}
            body = jwk_set((kid, public[kid]) for kid in kids)
            document = _Document(kids, body, hashlib.sha256(body).hexdigest()[:32])
            self._document = document
        return document.body, document.etag

    def statuses(self) -> list[KeyStatus]:
        """Give every key's state now, oldest first."""
        return key_states(self._look(at_once=True), self._now(), self._times)

    def rotate(self) -> str:
        """Add a key; it signs once every verifier can know it."""
        with self._folder.locked():
            birth = self._folder.add(self._now())
        self._look(at_once=True)
        return birth.kid

    def withdraw(self, kid: str) -> str | None:
        """Take a key out at once, and expired ones with it; gives the id of a key that had to be made."""
        made = None
        with self._folder.locked():
            states = key_states(self._look(at_once=True), self._now(), self._times)
            gone = [status for status in states if status.kid == kid]
            if not gone:
                raise UnknownKey(f"no signing key has the id {kid!r}")
            # an expired key left alone would be the newest again, and sign
            gone += [status for status in states if status.state is KeyState.EXPIRED and status.kid != kid]
            if len(gone) == len(states):
                made = self._folder.add(self._now()).kid
            for status in gone:
                self._folder.remove(KeyBirth(status.created_at, status.kid))
        self._look(at_once=True)
        return made

    def prune(self) -> list[str]:
        """Remove expired keys; gives their ids."""
        with self._folder.locked():
            states = key_states(self._look(at_once=True), self._now(), self._times)
            gone = [status for status in states if status.state is KeyState.EXPIRED]
            for status in gone:
                self._folder.remove(KeyBirth(status.created_at, status.kid))
        self._look(at_once=True)
        return [status.kid for status in gone]

    def fault(self) -> str | None:
        """Say why nothing can be signed, None when it can: a readiness check."""
        try:
            self._current()
        except NoSigningKey as error:
            return str(error)
        return None

    def _current(self) -> tuple[str, RSAPrivateKey]:
        keys = self._look()
        for status in key_states(keys, self._now(), self._times):
            if status.state is KeyState.CURRENT:
                return status.kid, keys[KeyBirth(status.created_at, status.kid)]
        raise NoSigningKey("there is no key to sign with", retry_after=5)

    def _published(self, keys: Keys) -> list[KeyStatus]:
        states = key_states(keys, self._now(), self._times)
        return [status for status in reversed(states) if status.state is not KeyState.EXPIRED]

    def _look(self, *, at_once: bool = False) -> Keys:
        if not at_once and self._ticks() - self._looked_at < LOOK_EVERY:
            return self._keys
        with self._lock:
            try:
                signature = self._folder.signature()
            except OSError as error:  # what was read stays good while the folder cannot be
                _log.error("the folder of signing keys cannot be read", reason=str(error))
            else:
                if signature != self._signature:
                    self._keys = self._folder.read(signature)
                    self._signature = signature
                    if not at_once:  # another process did it, or a person
                        _log.info(
                            "the signing keys have changed", kids=[birth.kid for birth in sorted(self._keys)]
                        )
            self._looked_at = self._ticks()
            return self._keys
