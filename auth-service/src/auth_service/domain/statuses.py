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
        """Give the bit that is named so, None for none."""
        return None if number is None or idx is None else cls(number, idx)

    def claim(self, issuer: str) -> dict[str, object]:
        """Give the ``status`` claim of a token that this bit ends (draft-ietf-oauth-status-list, section 6)."""
        return {"status_list": {"idx": self.idx, "uri": list_uri(issuer, self.number)}}


def session_indexes(size: int) -> range:
    """Return the indexes of a list of this size that sessions get."""
    return range(size - size // CLIENTS_SHARE)


def client_indexes(size: int) -> range:
    """Return the indexes that clients get for their own tokens: the last of a list, which no session can get."""
    return range(size - size // CLIENTS_SHARE, size)


def list_uri(issuer: str, number: int) -> str:
    """Name a list: in tokens, as the ``sub`` of its own token, and as the place where it is read."""
    return f"{issuer}/status-lists/{number}"


def list_number(written: str) -> int:
    """Read a list's number as it stands in its name; 0, which is no list's, for any other text."""
    return int(written) if _NUMBER.fullmatch(written) else 0


def list_named(issuer: str, uri: str) -> int:
    """Give the number of the list of this name, 0 for any name that ``list_uri`` does not give."""
    before, _, written = uri.rpartition("/")
    return list_number(written) if before == f"{issuer}/status-lists" else 0


@dataclass(frozen=True, slots=True)
class Horizon:
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

    When ``whole``, they are all that are set, and every other bit of every list is clear, whatever was
    known before. ``lists`` gives the size in bits of every list by its number.
    """

    bits: Sequence[Bit]
    lists: Mapping[int, int]
    horizon: Horizon
    whole: bool


class Statuses(Protocol):
    """Where the bits are kept.

    A session gets its own when it is added, or here if it is older than they are; a client with its first own token.
    """

    def settle(self) -> None:
        """Open the first list if there is none."""

    def assign(self, sid: str) -> StatusRef | None:
        """Give a session that has no bit one that no other has; gives what it has then. None for an unknown session."""

    def of_client(self, client_id: str) -> StatusRef:
        """Return the bit of a client's own tokens; one that no other has, chosen by chance, if it has none yet."""

    def find_of_client(self, client_id: str) -> StatusRef | None:
        """Return the bit of a client's own tokens, None if it has none."""

    def take_from_client(self, client_id: str) -> StatusRef | None:
        """Take its bit from a client and return it; None if it had none. For `end_client_tokens` alone."""

    def revoke(self, refs: Collection[StatusRef], at: float) -> None:
        """Set these bits; they stay so until no token that was made before ``at`` can live."""

    def changes(self, since: Horizon | None) -> Changes:
        """Give what changed since a reading, or everything for None and for one that is too long ago.

        No change that was committed before this reading is missing, in whatever order they were committed.
        """
