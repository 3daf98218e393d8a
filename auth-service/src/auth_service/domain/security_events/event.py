"""Signals: what systems that are not ours are told when a session ends or a password changes (CAEP 1.0)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED = f"{CAEP}session-revoked"
CREDENTIAL_CHANGE = f"{CAEP}credential-change"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
EVENTS = (CREDENTIAL_CHANGE, SESSION_REVOKED)
KEEP_SECONDS = 7 * 86_400.0  # seconds that a signal waits at most, whatever its stream is doing
MAX_QUEUED = 10_000  # signals that wait for one stream; older ones make room

USER, ADMIN, POLICY, SYSTEM = "user", "admin", "policy", "system"  # CAEP 1.0 section 2, initiating_entity


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: `event` is its type, `body` what CAEP has said of it; about an account, perhaps one session."""

    event: str
    sub: str
    body: Mapping[str, object]
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """One event on its way to one stream. `jti` and `created_at` stay the same however often it is sent.

    `txn` is shared by all that came of one transaction. Without `sub` it is about the stream itself.
    """

    jti: str
    stream_id: str
    txn: str
    event: str
    body: Mapping[str, object]
    created_at: float
    sub: str | None = None
    sid: str | None = None
    attempts: int = 0

    def claims(self, *, issuer: str, audience: str) -> dict[str, object]:
        """Return the claims of its security event token (RFC 8417 section 2.2): no `sub` and no `exp`."""
        return {
            "iss": issuer,
            "aud": audience,
            "iat": int(self.created_at),
            "jti": self.jti,
            "txn": self.txn,
            "sub_id": self._subject(issuer),
            "events": {self.event: dict(self.body)},
        }

    def _subject(self, issuer: str) -> dict[str, object]:
        """Name whom it is about (RFC 9493; SSF 1.0 section 3.3 for a session of somebody)."""
        if self.sub is None:
            return {"format": "opaque", "id": self.stream_id}
        user: dict[str, object] = {"format": "iss_sub", "iss": issuer, "sub": self.sub}
        if self.sid is None:
            return user
        return {"format": "complex", "session": {"format": "opaque", "id": self.sid}, "user": user}


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits for streams of one delivery method: signals, and the age of the oldest in seconds."""

    method: str
    waiting: int
    oldest: float


class QueuedEvents(Protocol):
    """The outbox: what waits to be told, kept with the changes that it tells of."""

    def add_to_streams(self, *happenings: Event) -> None:
        """Have every stream told that wants such an event; nothing is kept when there is none."""

    def add(self, signal: QueuedEvent) -> None:
        """Keep one for its stream alone, to be sent at once."""

    def list_oldest(self, stream_id: str, limit: int) -> list[QueuedEvent]:
        """Return the oldest that wait for a stream, at most so many."""

    def claim(self, stream_id: str, now: float, until: float, limit: int) -> list[QueuedEvent]:
        """Take at most so many that are due: nobody else gets them before `until`, and each counts one attempt more."""

    def postpone(self, signal: QueuedEvent, until: float) -> bool:
        """Have one that was claimed come up again at a time; False when somebody else has claimed it since."""

    def delete(self, stream_id: str, jtis: Collection[str]) -> int:
        """Forget those that were told, refused or given up; return how many were there."""

    def delete_all(self, stream_id: str) -> int:
        """Forget all of a stream's; return how many there were."""

    def delete_stale(self, now: float) -> int:
        """Forget those older than KEPT, beyond MOST_KEPT, or of streams that are no more; return how many."""

    def newest_id(self) -> str | None:
        """Name the one recorded last of those that wait, so that a new one can be told."""

    def depths(self, now: float) -> list[QueueDepth]:
        """Say how much waits, by delivery method."""
