"""The published status lists: their bits in memory, and list tokens that are signed on request."""

import base64
import hashlib
import json
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.clock import Clock
from auth_service.domain.errors import NoSigningKey
from auth_service.domain.sessions.errors import StatusListsStale, UnknownStatusList
from auth_service.domain.sessions.status_bits import Changes, ReadPosition
from auth_service.domain.sessions.status_list import Bitmap, StatusListSnapshot, list_uri

LIST_TOKEN = "statuslist+jwt"  # noqa: S105 - a media type
LIFE_SECONDS = 43_200
RENEWAL_SECONDS = 21_600  # a list is signed again at half its life
STALE_AFTER_SECONDS = 10.0  # without a read of the database the lists are no longer published
NEVER = float("-inf")
MISSED_AFTER_SECONDS = 3.0  # without a read, the database must be unavailable
MAX_ETAGS = 64  # of earlier states of a list
MEMORY_LEVEL = 9  # zlib's highest: 256 KiB while it compresses
MAX_NEW_LISTS = (
    16  # numbers past the last for which the database is read: another process may have opened them
)


class ListSigner(Protocol):
    """Signs, and names the key beforehand."""

    def current(self) -> str:
        """Return the id of the current key; raise NoSigningKey."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return a compact JWT; raise NoSigningKey."""


@dataclass(frozen=True, slots=True)
class _Signed:
    etag: str
    token: bytes


class StatusLists:
    """All lists of this issuer in one process; may be shared by any number of threads.

    `changes` reads from the database the changes since a position. It is called by `refresh` only, so readers get the
    last known state at once; the change watcher keeps it recent. A list is compressed and signed once after a change,
    at the first request for it.
    """

    def __init__(  # noqa: PLR0913 - its parts, by name
        self,
        issuer: str,
        changes: Callable[[ReadPosition | None], Changes],
        signer: ListSigner,
        *,
        ttl: int,
        now: Clock,
        ticks: Clock = time.monotonic,
    ) -> None:
        self.issuer, self.ttl = issuer, ttl
        self._changes, self._signer, self._now, self._ticks = changes, signer, now, ticks
        self._reading, self._signing = threading.Lock(), threading.Lock()
        self._position: ReadPosition | None = None
        self._bitmaps: dict[int, Bitmap] = {}
        self._lists: dict[int, StatusListSnapshot] = {}
        self._signed: dict[int, _Signed] = {}
        self._etags: dict[int, tuple[str, ...]] = {}
        self._read_at = NEVER

    @property
    def age(self) -> float:
        """Seconds since the database was last read; infinite before the first read."""
        return self._ticks() - self._read_at

    def all(self) -> list[StatusListSnapshot]:
        """Return every known list, ascending."""
        return [each for _, each in sorted(self._lists.items())]

    def numbers(self) -> list[int]:
        """Return the number of every list, ascending; raise StatusListsStale."""
        if self._read_at == NEVER:
            self.refresh()
        self._check_fresh()
        return [each.number for each in self.all()]

    def refresh(self) -> None:
        """Read the changes from the database; its exceptions pass through, and change nothing.

        Calls during a read wait for the next one, which they share.
        """
        asked_at = self._ticks()
        with self._reading:
            if self._read_at <= asked_at:  # else another thread has read meanwhile
                self._read()

    def catch_up(self, number: int, tags: Collection[str]) -> None:
        """Read the database if an ETag is unknown: another process may have published that state already.

        A verifier that learned of a revocation there must not get older bits here. Raise StatusListsStale.
        """
        seen = self._etags.get(number, ())
        if all(tag in seen for tag in tags):
            return
        if self.age > MISSED_AFTER_SECONDS:
            raise StatusListsStale(
                "the status lists are stale: the database could not be read in time", retry_after=1
            )
        self.refresh()

    def last(self, number: int) -> StatusListSnapshot:
        """Return a list as last read, however long ago.

        Raise UnknownStatusList, or StatusListsStale if it may be a list that could not be read yet.
        """
        if self._read_at == NEVER or self._may_be_new(number):
            self.refresh()
        try:
            return self._lists[number]
        except KeyError:
            self._check_fresh()
            raise UnknownStatusList("no status list has this number") from None

    def get(self, number: int) -> StatusListSnapshot:
        """Return a list; raise UnknownStatusList, and StatusListsStale if the database could not be read in time."""
        found = self.last(number)
        self._check_fresh()
        return found

    def etag(self, number: int) -> str:
        """Return the ETag: the same in every process for the same bits, signing key and renewal period.

        Raise as `get` does, and NoSigningKey.
        """
        return self._etag(self.get(number), self._signer.current())

    def document(self, number: int) -> tuple[bytes, str]:
        """Return the list token (draft-ietf-oauth-status-list, section 5.1) and its ETag; raise as `etag` does."""
        with self._signing:
            bits, known = self.get(number), self._signed.get(number)
            if known is None or known.etag != self._etag(bits, self._signer.current()):
                known = self._signed[number] = self._sign(bits)
        return known.token, known.etag

    def version(self) -> tuple[str, ...]:
        """Return all ETags, so that changes are noticed; none without a signing key."""
        try:
            kid = self._signer.current()
        except NoSigningKey:
            return ()
        found = {each.number: self._etag(each, kid) for each in self.all()}
        for number, etag in found.items():
            seen = self._etags.get(number, ())
            if etag not in seen:
                self._etags[number] = (etag, *seen[: MAX_ETAGS - 1])
        return tuple(found.values())

    def _may_be_new(self, number: int) -> bool:
        newest = max(self._lists, default=0)
        return (
            number not in self._lists
            and self.age <= STALE_AFTER_SECONDS
            and 0 < number <= newest + MAX_NEW_LISTS
        )

    def _check_fresh(self) -> None:
        if self.age > STALE_AFTER_SECONDS:
            raise StatusListsStale(
                "the status lists are stale: the database could not be read in time", retry_after=5
            )

    def _read(self) -> None:
        began, found = self._ticks(), self._changes(self._position)
        touched = {bit.number for bit in found.bits}
        for number in found.lists.keys() - self._bitmaps.keys():
            self._bitmaps[number] = Bitmap(found.lists[number])
            touched.add(number)
        if found.complete:
            for bitmap in self._bitmaps.values():
                bitmap.clear()
            touched.update(self._bitmaps)
        for number, index, revoked in found.bits:
            self._bitmaps[number].put(index, revoked)
        self._lists = self._lists | {number: self._snapshot(number) for number in touched}
        self._position, self._read_at = found.position, began

    def _snapshot(self, number: int) -> StatusListSnapshot:
        data, before = bytes(self._bitmaps[number]), self._lists.get(number)
        if before is not None and before.data == data:
            return before
        digest = hashlib.sha256(data).hexdigest()[:32]
        return StatusListSnapshot(number, data, digest, 1 if before is None else before.version + 1)

    def _etag(self, bits: StatusListSnapshot, kid: str) -> str:
        facts = f"{bits.digest} {kid} {int(self._now() // RENEWAL_SECONDS)}"
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def _sign(self, bits: StatusListSnapshot) -> _Signed:
        now = int(self._now())
        claims = {
            "iss": self.issuer,
            "sub": list_uri(self.issuer, bits.number),
            "iat": now,
            "exp": now + LIFE_SECONDS,
            "ttl": self.ttl,
            "status_list": {"bits": 1, "lst": _base64url(compressed(bits.data))},
        }
        token = self._signer.sign(claims, typ=LIST_TOKEN)
        return _Signed(self._etag(bits, _kid(token)), token.encode())


def compressed(data: bytes) -> bytes:
    """Return a zlib stream (RFC 1950) of packed bits.

    Set bits are at random places, so runs of zeros are all there is to compress: run-length encoding gives the size of
    zlib's highest level, or less, in a hundredth of the time.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_RLE)
    return packer.compress(data) + packer.flush()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _kid(token: str) -> str:
    """Return the id of the key that signed: the current key may have changed meanwhile."""
    header = token.partition(".")[0]
    kid: str = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return kid
