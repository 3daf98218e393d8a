"""Token status lists: their names and their bits (draft-ietf-oauth-status-list)."""

import re
from dataclasses import dataclass

LIST_SIZE = 2**20
MIN_LIST_SIZE = 64
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")  # without leading zeros, so that each list has one name


class Bitmap:
    """One bit for each index, all clear at first; not thread-safe.

    Index 0 is the lowest bit of the first byte, index 8 that of the second (section 4.1).
    """

    def __init__(self, size: int) -> None:
        """Create it with `size` bits, a multiple of 8."""
        self._bytes = bytearray(size // 8)

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    def put(self, index: int, bit: bool) -> None:  # noqa: FBT001 - the value to store
        """Store one bit; raise IndexError outside."""
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
class StatusListSnapshot:
    """One list at one moment: its packed bits, their digest, and the count of states that this process has read."""

    number: int
    data: bytes
    digest: str
    version: int

    @property
    def size(self) -> int:
        """The number of bits."""
        return len(self.data) * 8

    @property
    def revoked(self) -> int:
        """The number of bits that are set."""
        return int.from_bytes(self.data, "big").bit_count()


def check_size(size: int) -> int:
    """Return the size of a list in bits; raise ValueError if a list cannot have it."""
    if not MIN_LIST_SIZE <= size <= LIST_SIZE or size % 8:
        raise ValueError(f"must be a multiple of 8 from {MIN_LIST_SIZE} to {LIST_SIZE}")
    return size


def list_uri(issuer: str, number: int) -> str:
    """Return the URI of a list: in `status` claims, as the `sub` of its own token, and where it is published."""
    return f"{issuer}/status-lists/{number}"


def parse_list_number(written: str) -> int:
    """Return the number of a list as written in its URI; 0, which no list has, for any other text."""
    return int(written) if _NUMBER.fullmatch(written) else 0


def parse_list_uri(issuer: str, uri: str) -> int:
    """Return the number of the list with this URI; 0 for any URI that `list_uri` does not return."""
    before, _, written = uri.rpartition("/")
    return parse_list_number(written) if before == f"{issuer}/status-lists" else 0
