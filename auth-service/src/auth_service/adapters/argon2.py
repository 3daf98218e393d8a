"""Password hashes: argon2id, a bounded number at a time, with equal work for unknown accounts."""

import os
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher as Argon2
from argon2 import Type
from argon2.exceptions import InvalidHashError, VerificationError
from service_kit.worker_threads import release_slot

from auth_service.domain.accounts.errors import TooBusy
from auth_service.domain.accounts.password import MAX_LENGTH, MAX_TYPED_LENGTH, PasswordMatch, normal_form


@dataclass(frozen=True, slots=True)
class HashCost:
    """The cost of a hash: OWASP's argon2id profile. `memory` is in KiB."""

    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class Argon2Hasher:
    """The domain's `PasswordHasher`; may be shared by any number of threads.

    At most `at_once` hashes run at a time (default: one for each core). A caller that has waited `patience` seconds
    gets TooBusy, so that a flood of log-ins does not stop the whole service.
    """

    def __init__(
        self, cost: HashCost | None = None, *, at_once: int | None = None, patience: float = 1.0
    ) -> None:
        cost = cost or HashCost()
        self._argon2 = Argon2(
            time_cost=cost.passes,
            memory_cost=cost.memory,
            parallelism=cost.lanes,
            hash_len=32,
            salt_len=16,
            type=Type.ID,
        )
        self._places = threading.BoundedSemaphore(at_once or os.cpu_count() or 1)
        self._patience = patience
        self._unknown = self._argon2.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Hash a password's normal form; raise TooBusy."""
        with self._place():
            return self._argon2.hash(normal_form(password).encode())

    def verify(self, password_hash: str | None, password: str) -> PasswordMatch:
        """Compare with a hash; None, for an unknown account, matches nothing. Raise TooBusy.

        Older hashes were made of the password as typed. So if the normal form does not match, the typed or the decomposed
        form is tried: at most two hashes, whether the account exists or not.
        """
        with self._place():
            typed = password[:MAX_TYPED_LENGTH]
            normal = normal_form(typed)
            if len(normal) > MAX_LENGTH or len(password) > MAX_TYPED_LENGTH:  # no account has such a password
                password_hash, typed, normal = None, typed[:MAX_LENGTH], typed[:MAX_LENGTH]
            fits = self._fits(password_hash, normal)
            other = typed if typed != normal else unicodedata.normalize("NFD", normal)
            older = not fits and other != normal and self._fits(password_hash, other)
        if password_hash is None or not (fits or older):
            return PasswordMatch(fits=False)
        return PasswordMatch(fits=True, outdated=older or self._argon2.check_needs_rehash(password_hash))

    def _fits(self, password_hash: str | None, given: str) -> bool:
        try:
            return self._argon2.verify(password_hash or self._unknown, given.encode(errors="surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        release_slot()  # a hash takes long, and needs no interpreter
        if not self._places.acquire(timeout=self._patience):
            raise TooBusy("too many passwords are being checked at once", retry_after=1)
        try:
            yield
        finally:
            self._places.release()
