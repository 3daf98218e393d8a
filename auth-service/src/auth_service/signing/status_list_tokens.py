"""The status lists as they are published: their bits in memory, and signed list tokens made when somebody asks."""

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

LIST_TOKEN = "statuslist+jwt"  # noqa: S105 (a media type)
LIFE = 43_200  # seconds that a list token is good for
SIGNED_ANEW = 21_600  # seconds; twice in its life, so that no verifier comes near the end of one
BEHIND = 10.0  # seconds without a look after which these lists are nobody's news any more
NEVER = float("-inf")
MISSED = 3.0  # seconds without a look after which something is wrong with the database
REMEMBERED = 64  # states of a list that are known by their tags
MEMORY_LEVEL = 9  # zlib's highest: 256 KiB while it works
NEW_LISTS = 16  # numbers past the last that are worth a look: another process may have opened them


class ListSigner(Protocol):
    """Signs, and says beforehand with which key."""

    def current(self) -> str:
        """Give the id of the key that signs now; raises NoSigningKey."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Give a compact JWT; raises NoSigningKey."""


@dataclass(frozen=True, slots=True)
class _Signed:
    etag: str
    token: bytes


class StatusLists:
    """All lists of this issuer, as one process knows them. May be shared by any number of threads.

    ``changes`` reads the database: what has changed since a horizon. Nothing is read but in ``refresh``, so a reader gets
    what the last look saw, at once; whatever keeps looking (the process' watcher) makes that recent.
    A list is compressed and signed when it is asked for after a change, once, whoever asks meanwhile.
    """

    def __init__(  # noqa: PLR0913 (what it is made of, by name)
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
        self._seen: dict[int, tuple[str, ...]] = {}
        self._looked_at = NEVER

    @property
    def age(self) -> float:
        """Seconds since the database was last looked at; infinite before the first look."""
        return self._ticks() - self._looked_at

    def all(self) -> list[StatusListSnapshot]:
        """Give every list that is known, ascending."""
        return [each for _, each in sorted(self._lists.items())]

    def numbers(self) -> list[int]:
        """Give the number of every list, ascending; raises as ``get`` does, but for UnknownStatusList."""
        if self._looked_at == NEVER:
            self.refresh()
        self._insist()
        return [each.number for each in self.all()]

    def refresh(self) -> None:
        """Look at the database and take over what has changed; what it raises passes through, and changes nothing.

        Whoever asks while somebody looks waits for the next look, which is one for all of them.
        """
        asked_at = self._ticks()
        with self._reading:
            if self._looked_at <= asked_at:  # else somebody looked while we waited
                self._look()

    def catch_up(self, number: int, tags: Collection[str]) -> None:
        """Look at the database if a tag is of no state that was seen here: another process may have published it already.

        Else a verifier that has heard of a revocation there would be given older bits here. Raises StatusListsStale.
        """
        seen = self._seen.get(number, ())
        if all(tag in seen for tag in tags):
            return
        if self.age > MISSED:
            raise StatusListsStale(
                "the status lists are stale: the database could not be read in time", retry_after=1
            )
        self.refresh()

    def last(self, number: int) -> StatusListSnapshot:
        """Give one list as it was last seen, however long ago.

        Raises UnknownStatusList; or StatusListsStale, when it may be one that could not be seen yet.
        """
        if self._looked_at == NEVER or self._perhaps_new(number):
            self.refresh()
        try:
            return self._lists[number]
        except KeyError:
            self._insist()
            raise UnknownStatusList("no status list has this number") from None

    def get(self, number: int) -> StatusListSnapshot:
        """Give one list; raises UnknownStatusList, and StatusListsStale when nobody could look for some time."""
        found = self.last(number)
        self._insist()
        return found

    def etag(self, number: int) -> str:
        """Say what stands there now: the same in every process for the same bits, signing key and quarter of the day.

        Raises as ``get`` does, and NoSigningKey.
        """
        return self._etag(self.get(number), self._signer.current())

    def document(self, number: int) -> tuple[bytes, str]:
        """Give the list token (draft-ietf-oauth-status-list, section 5.1) and its ETag; raises as ``etag`` does."""
        with self._signing:
            bits, known = self.get(number), self._signed.get(number)
            if known is None or known.etag != self._etag(bits, self._signer.current()):
                known = self._signed[number] = self._sign(bits)
        return known.token, known.etag

    def version(self) -> tuple[str, ...]:
        """Give all ETags, to see whether any differs; none while no signing key is available."""
        try:
            kid = self._signer.current()
        except NoSigningKey:
            return ()
        found = {each.number: self._etag(each, kid) for each in self.all()}
        for number, etag in found.items():
            seen = self._seen.get(number, ())
            if etag not in seen:
                self._seen[number] = (etag, *seen[: REMEMBERED - 1])
        return tuple(found.values())

    def _perhaps_new(self, number: int) -> bool:
        newest = max(self._lists, default=0)
        return number not in self._lists and self.age <= BEHIND and 0 < number <= newest + NEW_LISTS

    def _insist(self) -> None:
        if self.age > BEHIND:
            raise StatusListsStale(
                "the status lists are stale: the database could not be read in time", retry_after=5
            )

    def _look(self) -> None:
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
        self._position, self._looked_at = found.position, began

    def _snapshot(self, number: int) -> StatusListSnapshot:
        data, before = bytes(self._bitmaps[number]), self._lists.get(number)
        if before is not None and before.data == data:
            return before
        digest = hashlib.sha256(data).hexdigest()[:32]
        return StatusListSnapshot(number, data, digest, 1 if before is None else before.version + 1)

    def _etag(self, bits: StatusListSnapshot, kid: str) -> str:
        facts = f"{bits.digest} {kid} {int(self._now() // SIGNED_ANEW)}"
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def _sign(self, bits: StatusListSnapshot) -> _Signed:
        now = int(self._now())
        claims = {
            "iss": self.issuer,
            "sub": list_uri(self.issuer, bits.number),
            "iat": now,
            "exp": now + LIFE,
            "ttl": self.ttl,
            "status_list": {"bits": 1, "lst": _base64url(compressed(bits.data))},
        }
        token = self._signer.sign(claims, typ=LIST_TOKEN)
        return _Signed(self._etag(bits, _kid(token)), token.encode())


def compressed(data: bytes) -> bytes:
    """Give a zlib stream (RFC 1950) of packed bits.

    Bits that are set stand alone at random places, so all there is to find are runs of zeros: looking for nothing else
    gives the size of zlib's highest level, or less, in a hundredth of its time.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_RLE)
    return packer.compress(data) + packer.flush()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _kid(token: str) -> str:
    """Say which key has signed: it may have changed since somebody asked which would."""
    header = token.partition(".")[0]
    kid: str = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return kid
