"""A bounded cache of verdicts, keyed by the whole token."""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

from touchstone import arguments
from touchstone.claims import AccessClaims
from touchstone.keys import Key

# Claims, key of the signature, times from and until which the verdict is the same, URI of the status list or None, and
# the stamp of the list in which the status was last seen to be valid.
Verdict: TypeAlias = tuple[AccessClaims, Key, float, float, str | None, object]


class VerdictCache:
    """At most `size` verdicts; the oldest is dropped first. Safe for many threads; reading takes no lock.

    The key is the whole token as it was sent: a token that differs in one character is another token. Only tokens with a
    valid signature are stored, so forged ones cannot displace them. With `size` 0 nothing is stored.
    """

    __slots__ = ("_entries", "_lock", "_size", "get")

    def __init__(self, size: int) -> None:
        arguments.count("cache_size", size)
        self._entries: dict[str, Verdict] = {}
        self._lock = Lock()
        self._size = size
        self.get = self._entries.get

    def put(self, token: str, verdict: Verdict) -> None:
        """Store a verdict."""
        entries = self._entries
        with self._lock:  # a dictionary that grows during `iter` raises RuntimeError
            entries[token] = verdict
            while len(entries) > self._size:
                del entries[next(iter(entries))]

    def discard(self, token: str) -> None:
        """Remove a verdict, if there is one."""
        with self._lock:
            self._entries.pop(token, None)

    def __len__(self) -> int:
        return len(self._entries)
