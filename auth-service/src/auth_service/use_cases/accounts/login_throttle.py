"""Slowing guessers down: after some failures an account, and an address, answers only now and then."""

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.accounts.account import normalised_or_empty
from auth_service.domain.accounts.errors import SlowedDown
from auth_service.domain.accounts.failed_logins import FORGET_AFTER_SECONDS
from auth_service.domain.clock import Clock
from auth_service.domain.request_context import current_origin, network_of
from auth_service.domain.unit_of_work import Transaction

KNOWN_AGAIN = 86_400.0  # seconds after which a success from a known place is noted anew


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Failures that are free, for an account and for an address, and the longest wait in seconds."""

    account: int = 10
    address: int = 50
    longest: float = 30.0

    def wait(self, failures: int, free: int) -> float:
        """Return the seconds to wait after so many failures: 1, 2, 4 and so on after the free ones."""
        return min(2.0 ** min(failures - free - 1, 30), self.longest) if failures > free else 0.0


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One log-in that may be tried: the keys that its failure counts under, and what its success changes."""

    counted: tuple[tuple[bytes, int], ...] = ()
    place: bytes | None = None
    forgotten: tuple[bytes, ...] = ()


class LoginGate(Protocol):
    """Decides whether a log-in may be tried now, and learns how it ended."""

    def admit(self, tx: Transaction, email: str) -> LoginAttempt:
        """Raise SlowedDown when somebody has to wait; never waits itself."""

    def failed(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Count a failure, for accounts that do not exist as well."""

    def succeeded(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Remember the place."""


class NoThrottle:
    """Slows nobody down: RATE_LIMITS=off."""

    def admit(self, tx: Transaction, email: str) -> LoginAttempt:
        """Let everybody try."""
        del tx, email
        return LoginAttempt()

    def failed(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Forget it."""

    def succeeded(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class LoginThrottle:
    """The Brake of every log-in by password.

    A place is an account together with the network address that it was logged in to from. What others do never
    slows its owner there: only failures at that very place count. Everywhere else those of the account and those of
    the address do. Nobody is shut out: after at most half a minute the next try is looked at, and a mailed link logs
    in at once.
    """

    now: Clock
    limits: ThrottleLimits = ThrottleLimits()

    def admit(self, tx: Transaction, email: str) -> LoginAttempt:
        """Say what counts for this log-in; raise SlowedDown."""
        now, here = self.now(), network_of(current_origin().address)
        who = normalised_or_empty(email) or email.strip().lower()
        account, tried_here, place = _key("account", who), _key("place", who, here), _key("known", who, here)
        address = _key("address", here)
        found = tx.failed_logins.find((account, tried_here, place, address))
        counted: tuple[tuple[bytes, int], ...]
        if place in found:
            counted = ((tried_here, self.limits.account),)
        elif here in {"", "loopback"}:  # who is behind it, nobody can tell
            counted = ((account, self.limits.account),)
        else:
            counted = ((account, self.limits.account), (address, self.limits.address))
        until = max((found[key].blocked_until for key, _ in counted if key in found), default=0.0)
        if until > now:
            raise SlowedDown("too many failed log-ins", retry_after=math.ceil(until - now))
        noted = place in found and now - found[place].last_failure_at < KNOWN_AGAIN
        over = tuple(key for key, _ in counted if key in found and key != address)
        return LoginAttempt(counted, None if noted or not here else place, over)

    def failed(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Count it, and have whoever comes next wait where there were too many."""
        now = self.now()
        for key, free in standing.counted:
            wait = self.limits.wait(tx.failed_logins.add_failure(key, now, FORGET_AFTER_SECONDS), free)
            if wait:
                tx.failed_logins.block(key, now + wait)

    def succeeded(self, tx: Transaction, standing: LoginAttempt) -> None:
        """Note the place and forget the failures that counted; those of the address stay."""
        if standing.place is not None:
            tx.failed_logins.set_known_place(standing.place, self.now())
        if standing.forgotten:
            tx.failed_logins.delete(standing.forgotten)


def _key(kind: str, *parts: str) -> bytes:
    """Name what is counted, without saying in the database whom or where."""
    return hashlib.sha256("\n".join((kind, *parts)).encode(errors="surrogatepass")).digest()
