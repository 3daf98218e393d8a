"""Stream management (SSF 1.0 section 8.1): clients manage their own streams, operators all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.security_events.endpoint import check_authorization, check_endpoint
from auth_service.domain.security_events.errors import (
    InvalidStream,
    TooManyStreams,
    TooManyVerifications,
    UnknownStream,
)
from auth_service.domain.security_events.event import EVENTS, VERIFICATION, QueuedEvent
from auth_service.domain.security_events.stream import (
    MAX_STREAMS,
    VERIFY_INTERVAL_SECONDS,
    DeliveryMethod,
    Stream,
    StreamConfiguration,
    StreamStatus,
    check_stream_owner,
)
from auth_service.domain.security_events.unit_of_work import SecurityEventStore, SecurityEventTransaction


@dataclass(frozen=True, slots=True)
class StreamManagement:
    """Creates, reads, changes and deletes the streams of a client; those of others are unknown to it.

    `allow_http` allows http to local hosts.
    """

    store: SecurityEventStore
    now: Clock
    allow_http: bool = False

    def create(self, client_id: str, configuration: StreamConfiguration) -> Stream:
        """Create a stream; raise InvalidStream or TooManyStreams."""
        stream = self._configured(
            Stream(new_id(), client_id, configuration.method, (), self.now()), configuration
        )
        with self.store.transaction() as tx:
            if len(tx.streams.list_for_update(client_id)) >= MAX_STREAMS:
                raise TooManyStreams(f"a client can have at most {MAX_STREAMS} streams")
            tx.streams.add(stream)
            _record(tx, EventType.STREAM_CREATED, stream)
        return stream

    def list(self, client_id: str) -> Sequence[Stream]:
        """Return the client's streams, oldest first."""
        with self.store.reading() as tx:
            return tx.streams.list_of_client(client_id)

    def get(self, client_id: str, stream_id: str) -> Stream:
        """Return one stream; raise UnknownStream."""
        with self.store.reading() as tx:
            return check_stream_owner(client_id, tx.streams.get(stream_id))

    def configure(
        self, client_id: str, stream_id: str, configuration: Callable[[Stream], StreamConfiguration]
    ) -> Stream:
        """Replace the configuration by one computed from the present stream; raise UnknownStream or InvalidStream."""
        with self.store.transaction() as tx:
            before = _locked(tx, client_id, stream_id)
            stream = self._configured(before, configuration(before))
            tx.streams.replace(stream)
            _record(tx, EventType.STREAM_CHANGED, stream)
        return stream

    def set_status(self, client_id: str, stream_id: str, status: StreamStatus, reason: str | None) -> Stream:
        """Enable, pause or disable a stream; disabling deletes its queued events. Raise UnknownStream."""
        with self.store.transaction() as tx:
            stream = replace(_locked(tx, client_id, stream_id), status=status, reason=reason)
            tx.streams.replace(stream)
            if status is StreamStatus.DISABLED:
                tx.queued_events.delete_all(stream_id)
            _record(tx, EventType.STREAM_CHANGED, stream)
        return stream

    def remove(self, client_id: str, stream_id: str) -> None:
        """Delete a stream and its queued events; raise UnknownStream."""
        with self.store.transaction() as tx:
            stream = _locked(tx, client_id, stream_id)
            _remove(tx, stream)

    def verify(self, client_id: str, stream_id: str, state: str | None) -> None:
        """Queue a verification event with `state`; raise UnknownStream, InvalidStream or TooManyVerifications."""
        now = self.now()
        with self.store.transaction() as tx:
            stream = _locked(tx, client_id, stream_id)
            if stream.status == StreamStatus.DISABLED:
                raise InvalidStream("a disabled stream cannot be verified; enable it first")
            wait = VERIFY_INTERVAL_SECONDS - (now - (stream.verified_at or 0.0))
            if wait > 0:
                raise TooManyVerifications(
                    "wait for min_verification_interval before the next verification",
                    retry_after=int(wait) + 1,
                )
            tx.streams.replace(replace(stream, verified_at=now))
            body = {} if state is None else {"state": state}
            tx.queued_events.add(QueuedEvent(new_id(), stream_id, new_id(), VERIFICATION, body, now))

    def _configured(self, stream: Stream, configuration: StreamConfiguration) -> Stream:
        """Return the stream with this configuration; raise InvalidStream."""
        events = tuple(dict.fromkeys(EVENTS if configuration.events is None else configuration.events))
        if not events:
            raise InvalidStream("events_requested: must name at least one supported event, or be left out")
        authorization = configuration.authorization
        if configuration.method == DeliveryMethod.POLL:
            if authorization is not None:
                raise InvalidStream("delivery.authorization_header: is only for push delivery")
            endpoint = None
        else:
            endpoint = check_endpoint(configuration.endpoint_url, allow_http=self.allow_http)
            check_authorization(authorization)
            if configuration.keep_authorization and endpoint == stream.endpoint_url:
                authorization = stream.authorization
        return replace(
            stream,
            method=configuration.method,
            endpoint_url=endpoint,
            authorization=authorization,
            requested=events,
            description=configuration.description,
        )


@dataclass(frozen=True, slots=True)
class StreamAdmin:
    """Lists and deletes the streams of all clients, for operators."""

    store: SecurityEventStore

    def all(self) -> Sequence[tuple[Stream, int]]:
        """Return every stream with the number of events that wait for it, up to a thousand."""
        with self.store.reading() as tx:
            return [
                (each, len(tx.queued_events.list_oldest(each.stream_id, 1000)))
                for each in tx.streams.list_all()
            ]

    def remove(self, stream_id: str) -> None:
        """Delete a stream and its queued events; raise UnknownStream."""
        with self.store.transaction() as tx:
            stream = tx.streams.get(stream_id)
            if stream is None:
                raise UnknownStream("this client has no stream with this id")
            _remove(tx, stream)


def _remove(tx: SecurityEventTransaction, stream: Stream) -> None:
    """Delete a stream and its queued events."""
    tx.streams.delete(stream.stream_id)
    tx.queued_events.delete_all(stream.stream_id)
    _record(tx, EventType.STREAM_REMOVED, stream)


def _locked(tx: SecurityEventTransaction, client_id: str, stream_id: str) -> Stream:
    found = {stream.stream_id: stream for stream in tx.streams.list_for_update(client_id)}
    return check_stream_owner(client_id, found.get(stream_id))


def _record(tx: SecurityEventTransaction, event: EventType, stream: Stream) -> None:
    facts = {"stream_id": stream.stream_id, "method": stream.method, "status": str(stream.status)}
    tx.audit.record(AuditEvent(event, actor=stream.client_id, client_id=stream.client_id, detail=facts))
