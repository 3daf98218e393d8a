"""Device authorizations (RFC 8628); only the digests of their two codes are stored."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth_service.domain.accounts.account import Account
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.registry import OIDC_SCOPES, Registry
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.opaque_tokens import TYPED_ALPHABET, TYPED_LENGTH

DEVICE_CODE_SECONDS = 600  # in which the user has to answer
POLL_INTERVAL_SECONDS = 5  # between two polls
POLL_TOLERANCE_SECONDS = 1.0  # a poll may come this much early


class DeviceStatus(StrEnum):
    """The state of a device authorization."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """One device authorization. Times are Unix seconds.

    `sub`, `methods` and `auth_time` are those of the user who approved it.
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

        Such a poll changes nothing, so a device that polls at a fixed interval still gets its tokens.
        """
        used = self.status is DeviceStatus.USED
        return not used and now < min(self.next_poll_at - POLL_TOLERANCE_SECONDS, self.expires_at)


class DeviceCodes(Protocol):
    """Repository of device authorizations."""

    def add(self, code: DeviceCode) -> bool:
        """Store a new one; return False, and change nothing, if its user code is taken."""

    def find_by_digest(self, digest: bytes) -> DeviceCode | None:
        """Return the one with this digest of its device code, or None."""

    def get_for_update(self, digest: bytes) -> DeviceCode | None:
        """Return the one with this digest of its device code, locked until the transaction ends, or None."""

    def find_by_user_code(self, digest: bytes) -> DeviceCode | None:
        """Return the one with this digest of its user code, or None."""

    def set_next_poll(self, digest: bytes, next_poll_at: float) -> None:
        """Record when the device may poll again."""

    def approve(self, digest: bytes, sub: str, methods: tuple[str, ...], auth_time: float) -> bool:
        """Compare and swap from pending; return False if it had been answered."""

    def deny(self, digest: bytes, sub: str) -> bool:
        """Compare and swap from pending; return False if it had been answered."""

    def mark_used(self, digest: bytes) -> bool:
        """Compare and swap from approved: of any number of calls for one code exactly one returns True."""


def normalise_user_code(typed: str) -> str | None:
    """Return a typed user code in its issued form, or None if it cannot be one (RFC 8628 section 6.1)."""
    typed_letters = [character.upper() for character in typed[:64] if character.isalnum()]
    if len(typed_letters) != TYPED_LENGTH or not set(typed_letters) <= set(TYPED_ALPHABET):
        return None
    letters = "".join(typed_letters)
    return f"{letters[:4]}-{letters[4:]}"


def grant_for_device(registry: Registry, account: Account, client: Client, code: DeviceCode) -> Grant | None:
    """Return the part of the request that account and client may have now, or None if nothing is left."""
    scopes = code.scopes & client.scopes & registry.scopes_of(account.roles).union(OIDC_SCOPES)
    audiences = frozenset(code.audiences) & client.audiences
    return Grant(scopes, tuple(sorted(audiences))) if scopes and audiences else None
