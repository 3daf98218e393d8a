"""Device authorizations as they are kept: by the digests of their two codes alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth_service.domain.accounts.account import Account
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.scopes import OIDC_SCOPES, Grant, account_scopes
from auth_service.domain.opaque_tokens import TYPED_ALPHABET, TYPED_LENGTH

DEVICE_CODE_SECONDS = 600  # seconds in which a person has to answer
POLL_INTERVAL_SECONDS = 5  # seconds between two polls
TOLERANCE = 1.0  # seconds by which a poll may come early: clocks and networks are not exact


class DeviceStatus(StrEnum):
    """How far one has come."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a device asked for, and what became of it. Times are unix seconds.

    `sub`, `methods` and `auth_time` are those of whoever approved.
    """

    digest: bytes
    user_code_digest: bytes
    client_id: str
    scopes: frozenset[str]
    audiences: tuple[str, ...]
    expires_at: float
    next_poll_at: float
    status: DeviceStatus = DeviceStatus.PENDING
    sub: str | None = None
    methods: tuple[str, ...] = ()
    auth_time: float | None = None

    def too_early(self, now: float) -> bool:
        """Return whether a poll now is answered `slow_down` (RFC 8628 section 3.5).

        Such a poll changes nothing, so a device that ignores the answer and keeps to a fixed time still gets its tokens.
        """
        used = self.status is DeviceStatus.USED
        return not used and now < min(self.next_poll_at - TOLERANCE, self.expires_at)


class DeviceCodes(Protocol):
    """Where device authorizations are kept."""

    def add(self, code: DeviceCode) -> bool:
        """Store a new one; False, and nothing changed, when its user code is taken."""

    def find_by_digest(self, digest: bytes) -> DeviceCode | None:
        """Find by the digest of the device code."""

    def get_for_update(self, digest: bytes) -> DeviceCode | None:
        """Likewise, and keep everybody else from changing it until the transaction ends."""

    def find_by_user_code(self, digest: bytes) -> DeviceCode | None:
        """Find by the digest of the user code."""

    def set_next_poll(self, digest: bytes, next_poll_at: float) -> None:
        """Record when the device may ask again."""

    def approve(self, digest: bytes, sub: str, methods: tuple[str, ...], auth_time: float) -> bool:
        """Compare and swap from pending; False when it had been answered before."""

    def deny(self, digest: bytes, sub: str) -> bool:
        """Likewise."""

    def mark_used(self, digest: bytes) -> bool:
        """Compare and swap from approved: of any number of calls for one code exactly one gives True."""


def normalise_user_code(typed: str) -> str | None:
    """Return a user code as it was made, however it was typed; None for what can be none (RFC 8628 section 6.1)."""
    typed_letters = [character.upper() for character in typed[:64] if character.isalnum()]
    if len(typed_letters) != TYPED_LENGTH or not set(typed_letters) <= set(TYPED_ALPHABET):
        return None
    letters = "".join(typed_letters)
    return f"{letters[:4]}-{letters[4:]}"


def grant_for_device(account: Account, client: Client, code: DeviceCode) -> Grant | None:
    """Return what was asked for, as far as account and client may have it today; None when nothing is left."""
    scopes = code.scopes & client.scopes & (account_scopes(account) | OIDC_SCOPES)
    audiences = frozenset(code.audiences) & client.audiences
    return Grant(scopes, tuple(sorted(audiences))) if scopes and audiences else None
