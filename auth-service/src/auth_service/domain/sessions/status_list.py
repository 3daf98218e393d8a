"""Revocation bits: which bit is a session's or a client's own, and what changed among them since one looked."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

LIST_SIZE = 2**20
CLIENTS_SHARE = 64  # one index in 64 is for clients' own tokens, the others are for sessions
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")  # one list, one name
MARGIN = 60.0  # seconds past a token's end: what verifiers allow their clocks, and as much for a slow answer
QUARANTINE = 3600.0  # seconds for which a bit that was cleared belongs to nobody: verifiers have read the new list then


class StatusRef(NamedTuple):
    """One bit: the number of its list, from 1, and its index there, from 0."""

    number: int
    idx: int

    @classmethod
    def of(cls, number: int | None, idx: int | None) -> Self | None:
        """Return the bit that is named so, None for none."""
        return None if number is None or idx is None else cls(number, idx)

    def claim(self, issuer: str) -> dict[str, object]:
        """Return the `status` claim of a token that this bit ends (draft-ietf-oauth-status-list, section 6)."""
        return {"status_list": {"idx": self.idx, "uri": list_uri(issuer, self.number)}}


def session_indexes(size: int) -> range:
    """Return the indexes of a list of this size that sessions get."""
    return range(size - size // CLIENTS_SHARE)


def client_indexes(size: int) -> range:
    """Return the indexes that clients get for their own tokens: the last of a list, which no session can get."""
    return range(size - size // CLIENTS_SHARE, size)


def list_uri(issuer: str, number: int) -> str:
    """Name a list: in tokens, as the `sub` of its own token, and as the place where it is read."""
    return f"{issuer}/status-lists/{number}"


def list_number(written: str) -> int:
    """Read a list's number as it stands in its name; 0, which is no list's, for any other text."""
    return int(written) if _NUMBER.fullmatch(written) else 0


def list_named(issuer: str, uri: str) -> int:
    """Return the number of the list of this name, 0 for any name that `list_uri` does not give."""
    before, _, written = uri.rpartition("/")
    return list_number(written) if before == f"{issuer}/status-lists" else 0


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """How far a reader has read, and when, in unix seconds; only the store that gave it knows what the number counts."""

    number: int
    at: float


class Bit(NamedTuple):
    """What one bit says now."""

    number: int
    idx: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """The bits that changed since a horizon: applying one again changes nothing.

    When `whole`, they are all that are set, and every other bit of every list is clear, whatever was
    known before. `lists` gives the size in bits of every list by its number.
    """

    bits: Sequence[Bit]
    lists: Mapping[int, int]
    horizon: ReadPosition
    whole: bool


class Statuses(Protocol):
    """Where the bits are kept.

    A session gets its own when it is added, or here if it is older than they are; a client with its first own token.
    """

    def add_first_list(self) -> None:
        """Open the first list if there is none."""

    def assign_to_session(self, sid: str) -> StatusRef | None:
        """Return a session that has no bit one that no other has; return what it has then. None for an unknown session."""

    def get_or_assign_to_client(self, client_id: str) -> StatusRef:
        """Return the bit of a client's own tokens; one that no other has, chosen by chance, if it has none yet."""

    def find_by_client(self, client_id: str) -> StatusRef | None:
        """Return the bit of a client's own tokens, None if it has none."""

    def remove_from_client(self, client_id: str) -> StatusRef | None:
        """Take its bit from a client and return it; None if it had none. For `end_client_tokens` alone."""

    def revoke(self, refs: Collection[StatusRef], at: float) -> None:
        """Set these bits; they stay so until no token that was made before `at` can live."""

    def changes_since(self, since: ReadPosition | None) -> Changes:
        """Return what changed since a reading, or everything for None and for one that is too long ago.

        No change that was committed before this reading is missing, in whatever order they were committed.
        """


SMALLEST = 64


def check_size(size: int) -> int:
    """Return a number of entries that a list can have; ValueError for any other."""
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

    def put(self, index: int, bit: bool) -> None:  # noqa: FBT001 - what it stores
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
        """Return every list as the last look saw it, ascending; raise nothing."""

    def numbers(self) -> list[int]:
        """Return the number of every list, ascending."""

    def etag(self, number: int) -> str:
        """Say what stands in a list now; raise UnknownStatusList and NoSigningKey."""

    def catch_up(self, number: int, tags: Collection[str]) -> None:
        """Take over what another process may have published under these tags."""

    def document(self, number: int) -> tuple[bytes, str]:
        """Return the signed list and its ETag; raise UnknownStatusList and NoSigningKey."""
