"""Status bits: which bit of which status list belongs to a session or a client, and what changed among them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from auth_service.domain.sessions.status_list import list_uri

CLIENTS_SHARE = 64  # one index in 64 is for clients' own tokens, the others are for sessions
MARGIN_SECONDS = 60.0  # past a token's end: the verifiers' leeway, and as much for a slow response
QUARANTINE_SECONDS = 3600.0  # before a cleared bit is used again: verifiers have read the new list by then


class StatusRef(NamedTuple):
    """One bit: the number of its list, from 1, and its index there, from 0."""

    number: int
    idx: int

    @classmethod
    def of(cls, number: int | None, idx: int | None) -> Self | None:
        """Return the bit, or None if either part is None."""
        return None if number is None or idx is None else cls(number, idx)

    def claim(self, issuer: str) -> dict[str, object]:
        """Return the `status` claim of a token (draft-ietf-oauth-status-list, section 6)."""
        return {"status_list": {"idx": self.idx, "uri": list_uri(issuer, self.number)}}


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """How far a reader has read, and when, in Unix seconds. Only the store that made it can interpret the number."""

    number: int
    at: float


class Bit(NamedTuple):
    """The present value of one bit."""

    number: int
    idx: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """The bits that changed since a position; applying them twice changes nothing.

    If `complete`, they are all bits that are set, and every other bit is clear. `lists` maps the number of each list
    to its size in bits.
    """

    bits: Sequence[Bit]
    lists: Mapping[int, int]
    position: ReadPosition
    complete: bool


class Statuses(Protocol):
    """Repository of status bits. A session gets its bit when it is added, a client with its first own token."""

    def add_first_list(self) -> None:
        """Open the first list if there is none."""

    def assign_to_session(self, sid: str) -> StatusRef | None:
        """Assign a free bit to a session that has none; return its bit, or None for an unknown session."""

    def get_or_assign_to_client(self, client_id: str) -> StatusRef:
        """Return the bit of a client's own tokens; if it has none, a free one, chosen at random."""

    def find_by_client(self, client_id: str) -> StatusRef | None:
        """Return the bit of a client's own tokens, or None."""

    def remove_from_client(self, client_id: str) -> StatusRef | None:
        """Detach the bit from its client and return it, or None. For `end_client_tokens` alone."""

    def revoke(self, refs: Collection[StatusRef], at: float) -> None:
        """Set these bits; they stay set until no token made before `at` can be valid."""

    def changes_since(self, since: ReadPosition | None) -> Changes:
        """Return what changed since a position, or everything for None and for a position too long ago.

        It misses no change that was committed before, in whatever order they were committed.
        """


def session_indexes(size: int) -> range:
    """Return the indexes for sessions in a list of this size."""
    return range(size - size // CLIENTS_SHARE)


def client_indexes(size: int) -> range:
    """Return the indexes for clients' own tokens: the last of the list."""
    return range(size - size // CLIENTS_SHARE, size)
