"""Poll-based delivery of security events (RFC 8936)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from auth_service.domain.security_events.errors import InvalidStream
from auth_service.domain.security_events.event import QueuedEvent
from auth_service.domain.security_events.stream import (
    DeliveryMethod,
    Stream,
    StreamStatus,
    check_stream_owner,
)
from auth_service.domain.security_events.unit_of_work import SecurityEventStore


@dataclass(frozen=True, slots=True)
class PolledEvents:
    """The events of one poll, oldest first, and whether there are more."""

    stream: Stream
    events: Sequence[QueuedEvent]
    more: bool


@dataclass(frozen=True, slots=True)
class PollDelivery:
    """Lets a receiver fetch its events. It gets them again until it acknowledges them."""

    store: SecurityEventStore

    def acknowledge(self, client_id: str, stream_id: str, jtis: Collection[str]) -> int:
        """Delete acknowledged or refused events; return how many there were. Raise UnknownStream or InvalidStream."""
        if not jtis:
            self.fetch(client_id, stream_id, 0)
            return 0
        with self.store.transaction() as tx:
            _polled(check_stream_owner(client_id, tx.streams.get(stream_id)))
            return tx.queued_events.delete(stream_id, jtis)

    def fetch(self, client_id: str, stream_id: str, limit: int) -> PolledEvents:
        """Return at most `limit` events, none unless the stream is enabled. Raise UnknownStream or InvalidStream."""
        with self.store.reading() as tx:
            stream = _polled(check_stream_owner(client_id, tx.streams.get(stream_id)))
            if limit == 0 or stream.status != StreamStatus.ENABLED:
                return PolledEvents(stream, (), more=False)
            found = tx.queued_events.list_oldest(stream_id, limit + 1)
        return PolledEvents(stream, found[:limit], more=len(found) > limit)


def _polled(stream: Stream) -> Stream:
    if stream.method != DeliveryMethod.POLL:
        raise InvalidStream("this stream uses push delivery and cannot be polled")
    return stream
