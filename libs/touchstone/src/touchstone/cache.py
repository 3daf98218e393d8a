"""Owns the verdicts already reached: bounded, keyed by the whole token."""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

from touchstone import arguments
from touchstone.claims import AccessClaims
from touchstone.keys import Key

# The claims, the key that the signature held under, the times between which the answer is the same, the address of the
# status list that has a say, and the stamp of the one in which the token was seen to be good.
Verdict: TypeAlias = tuple[AccessClaims, Key, float, float, str | None, object]


class VerdictCache:
    """At most `size` verdicts; the oldest goes first. Safe for many threads; reading takes no lock.

    The key is the token as it was sent, all of it: a token that differs in one character is another token.
    Only good tokens are remembered, so forged ones cannot push them out. `size` 0 remembers nothing.
    """

    __slots__ = ("_entries", "_lock", "_size", "get")

    def __init__(self, size: int) -> None:
        arguments.count("cache_size", size)
        self._entries: dict[str, Verdict] = {}
        self._lock = Lock()
        self._size = size
        self.get = self._entries.get

    def put(self, token: str, verdict: Verdict) -> None:
        """Remember a verdict."""
        entries = self._entries
        with self._lock:  # a dictionary that grows meanwhile cannot be asked for its oldest
            entries[token] = verdict
            while len(entries) > self._size:
                del entries[next(iter(entries))]

    def discard(self, token: str) -> None:
        """Forget a verdict, if there is one."""
        with self._lock:
            self._entries.pop(token, None)

    def __len__(self) -> int:
        return len(self._entries)
