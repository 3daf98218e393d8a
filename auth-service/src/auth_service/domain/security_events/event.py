"""Security events (CAEP 1.0) and the queue in which they wait for their streams."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED = f"{CAEP}session-revoked"
CREDENTIAL_CHANGE = f"{CAEP}credential-change"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
EVENTS = (CREDENTIAL_CHANGE, SESSION_REVOKED)
KEEP_SECONDS = 7 * 86_400.0  # in the queue, whatever the state of the stream
MAX_QUEUED = 10_000  # events of one stream; the oldest are dropped

USER, ADMIN, POLICY, SYSTEM = "user", "admin", "policy", "system"  # CAEP 1.0 section 2, initiating_entity


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `event` is its type, `body` its CAEP members, about an account and perhaps one session."""

    event: str
    sub: str
    body: Mapping[str, object]
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """One event for one stream. `jti` and `created_at` stay the same however often it is sent.

    The events of one transaction share `txn`. Without `sub` it is about the stream itself.
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
        """Return the claims of its security event token (RFC 8417 section 2.2), without `sub` and `exp`."""
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
        """Return the subject identifier (RFC 9493; SSF 1.0 section 3.3 for a session)."""
        if self.sub is None:
            return {"format": "opaque", "id": self.stream_id}
        user: dict[str, object] = {"format": "iss_sub", "iss": issuer, "sub": self.sub}
        if self.sid is None:
            return user
        return {"format": "complex", "session": {"format": "opaque", "id": self.sid}, "user": user}


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The number of events that wait for streams of one delivery method, and the age of the oldest in seconds."""

    method: str
    waiting: int
    oldest: float


class QueuedEvents(Protocol):
    """Repository of the events that wait to be delivered; an event is added in the transaction that caused it."""

    def add_to_streams(self, *events: Event) -> None:
        """Queue the events for every stream that requested their types."""

    def add(self, event: QueuedEvent) -> None:
        """Queue one event for its own stream."""

    def list_oldest(self, stream_id: str, limit: int) -> list[QueuedEvent]:
        """Return at most `limit` events that wait for a stream, oldest first."""

    def claim(self, stream_id: str, now: float, until: float, limit: int) -> list[QueuedEvent]:
        """Return at most `limit` due events, reserved until a time, each with one more attempt counted."""

    def postpone(self, event: QueuedEvent, until: float) -> bool:
        """Reschedule a claimed event; return False if it was claimed again meanwhile."""

    def delete(self, stream_id: str, jtis: Collection[str]) -> int:
        """Delete the events that were delivered, refused or given up; return how many there were."""

    def delete_all(self, stream_id: str) -> int:
        """Delete all events of a stream; return how many there were."""

    def delete_stale(self, now: float) -> int:
        """Delete events older than KEEP_SECONDS, beyond MAX_QUEUED, or of deleted streams; return how many."""

    def newest_id(self) -> str | None:
        """Return the id of the event that was added last, or None."""

    def depths(self, now: float) -> list[QueueDepth]:
        """Return how much waits, by delivery method."""
