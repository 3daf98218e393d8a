"""Throttling of log-ins: after some failures an account or an address has to wait."""

import hashlib
import math
from dataclasses import dataclass

from auth_service.domain.accounts.account import normalised_or_empty
from auth_service.domain.accounts.errors import SlowedDown
from auth_service.domain.accounts.failed_logins import FORGET_AFTER_SECONDS
from auth_service.domain.clock import Clock
from auth_service.domain.request_context import current_origin, network_of
from auth_service.domain.unit_of_work import Transaction

KNOWN_PLACE_REFRESH_SECONDS = 86_400.0  # a success from a known place is recorded once in this time


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Failures without a wait, for an account and for an address, and the longest wait in seconds."""

    account: int = 10
    address: int = 50
    longest: float = 30.0

    def wait(self, failures: int, free: int) -> float:
        """Return the seconds to wait: 1, 2, 4 and so on for failures past the free ones."""
        return min(2.0 ** min(failures - free - 1, 30), self.longest) if failures > free else 0.0


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """An admitted log-in: the keys and limits that its failure counts under, and what its success changes."""

    counted: tuple[tuple[bytes, int], ...] = ()
    place: bytes | None = None
    cleared: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LoginThrottle:
    """Slows down log-ins by password.

    A place is an account and a network address from which it has logged in. At such a place only its own failures
    count, so others cannot slow down the owner; elsewhere those of the account and of the address count. No wait is
    longer than half a minute, and a mailed link never waits.
    """

    now: Clock
    limits: ThrottleLimits = ThrottleLimits()

    def admit(self, tx: Transaction, email: str) -> LoginAttempt:
        """Return what this log-in counts under; raise SlowedDown."""
        now, here = self.now(), network_of(current_origin().address)
        who = normalised_or_empty(email) or email.strip().lower()
        account, tried_here, place = _key("account", who), _key("place", who, here), _key("known", who, here)
        address = _key("address", here)
        found = tx.failed_logins.find((account, tried_here, place, address))
        counted: tuple[tuple[bytes, int], ...]
        if place in found:
            counted = ((tried_here, self.limits.account),)
        elif here in {"", "loopback"}:  # it may be anybody's
            counted = ((account, self.limits.account),)
        else:
            counted = ((account, self.limits.account), (address, self.limits.address))
        until = max((found[key].blocked_until for key, _ in counted if key in found), default=0.0)
        if until > now:
            raise SlowedDown("too many failed log-ins", retry_after=math.ceil(until - now))
        noted = place in found and now - found[place].last_failure_at < KNOWN_PLACE_REFRESH_SECONDS
        over = tuple(key for key, _ in counted if key in found and key != address)
        return LoginAttempt(counted, None if noted or not here else place, over)

    def failed(self, tx: Transaction, attempt: LoginAttempt) -> None:
        """Count the failure under each key, and block a key that is past its limit."""
        now = self.now()
        for key, free in attempt.counted:
            wait = self.limits.wait(tx.failed_logins.add_failure(key, now, FORGET_AFTER_SECONDS), free)
            if wait:
                tx.failed_logins.block(key, now + wait)

    def succeeded(self, tx: Transaction, attempt: LoginAttempt) -> None:
        """Record the place and clear the failures that counted, except those of the address."""
        if attempt.place is not None:
            tx.failed_logins.set_known_place(attempt.place, self.now())
        if attempt.cleared:
            tx.failed_logins.delete(attempt.cleared)


def _key(kind: str, *parts: str) -> bytes:
    """Return the key of a count: a digest, so the database holds neither addresses nor accounts."""
    return hashlib.sha256("\n".join((kind, *parts)).encode(errors="surrogatepass")).digest()
