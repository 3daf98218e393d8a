"""Status lists as they are published: their bits, packed, and the port to whoever signs them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.statuses import LIST_SIZE

SMALLEST = 64


def check_size(size: int) -> int:
    """Give a number of entries that a list can have; ValueError for any other."""
    if not SMALLEST <= size <= LIST_SIZE or size % 8:
        raise ValueError(f"must be a multiple of 8 from {SMALLEST} to {LIST_SIZE}")
    return size


class Bitmap:
    """One bit for each index, all clear at first; not to be changed by two threads at once.

    Index 0 is the lowest bit of the first byte, index 8 that of the second (draft-ietf-oauth-status-list, section 4.1).
    """

    def __init__(self, size: int) -> None:
        """Make one of so many bits, a multiple of 8."""
        self._bytes = bytearray(size // 8)

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    def put(self, index: int, bit: bool) -> None:  # noqa: FBT001 (what it stores)
        """Store one bit; IndexError outside."""
        if index < 0:
            raise IndexError(index)
        mask = 1 << (index & 7)
        if bit:
            self._bytes[index >> 3] |= mask
        else:
            self._bytes[index >> 3] &= ~mask

    def clear(self) -> None:
        """Clear every bit."""
        self._bytes = bytearray(len(self._bytes))


@dataclass(frozen=True, slots=True)
class StatusBits:
    """One list at one moment: its packed bits, a digest of them, and how many states of it this process has seen."""

    number: int
    data: bytes
    digest: str
    version: int

    @property
    def size(self) -> int:
        """How many bits there are."""
        return len(self.data) * 8

    @property
    def revoked(self) -> int:
        """How many of them are set."""
        return int.from_bytes(self.data, "big").bit_count()


class PublishedStatuses(Protocol):
    """The status lists of this issuer. The methods raise ListsBehind when nobody has looked for some time."""

    @property
    def ttl(self) -> int:
        """For how many seconds a verifier need not ask again."""

    @property
    def age(self) -> float:
        """Seconds since the database was last looked at; infinite before the first look."""

    def all(self) -> list[StatusBits]:
        """Give every list as the last look saw it, ascending; raises nothing."""

    def numbers(self) -> list[int]:
        """Give the number of every list, ascending."""

    def etag(self, number: int) -> str:
        """Say what stands in a list now; raises UnknownStatusList and NoSigningKey."""

    def catch_up(self, number: int, tags: Collection[str]) -> None:
        """Take over what another process may have published under these tags."""

    def document(self, number: int) -> tuple[bytes, str]:
        """Give the signed list and its ETag; raises UnknownStatusList and NoSigningKey."""
