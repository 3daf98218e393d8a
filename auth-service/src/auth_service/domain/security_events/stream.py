"""Event streams and their configuration (SSF 1.0 section 8.1.1)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from auth_service.domain.security_events.errors import UnknownStream
from auth_service.domain.security_events.event import EVENTS

MAX_STREAMS = 10  # of one client
VERIFY_INTERVAL_SECONDS = 60  # between two verifications of one stream


class DeliveryMethod(StrEnum):
    """How events reach a receiver."""

    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


class StreamStatus(StrEnum):
    """`paused` queues events and sends none, `disabled` queues none (SSF 1.0 section 8.1.2)."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class StreamConfiguration:
    """The receiver's part of a configuration. `authorization` is the secret header that is sent with each push.

    `events` None requests all. With `keep_authorization` the present header stays as long as the endpoint does.
    """

    method: str = DeliveryMethod.POLL
    endpoint_url: str | None = None
    authorization: str | None = field(default=None, repr=False)
    keep_authorization: bool = True
    events: tuple[str, ...] | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one client. `endpoint_url` and `authorization` are for push alone; times are Unix seconds."""

    stream_id: str
    client_id: str
    method: str
    requested: tuple[str, ...]
    created_at: float
    status: str = StreamStatus.ENABLED
    reason: str | None = None
    endpoint_url: str | None = None
    authorization: str | None = field(default=None, repr=False)
    description: str | None = None
    verified_at: float | None = None

    @property
    def delivered(self) -> tuple[str, ...]:
        """The event types that it delivers: the requested ones that are supported."""
        return tuple(event for event in EVENTS if event in self.requested)

    @property
    def audience(self) -> str:
        """The `aud` of its tokens."""
        return self.client_id


class Streams(Protocol):
    """Repository of streams."""

    def add(self, stream: Stream) -> None:
        """Store a new stream."""

    def get(self, stream_id: str) -> Stream | None:
        """Return the stream with this id, or None."""

    def list_for_update(self, client_id: str) -> list[Stream]:
        """Return the streams of a client, oldest first, and lock them until the transaction ends."""

    def list_of_client(self, client_id: str) -> list[Stream]:
        """Return the streams of a client, oldest first."""

    def list_all(self) -> list[Stream]:
        """Return all streams, oldest first."""

    def list_due(self, now: float) -> list[Stream]:
        """Return the enabled push streams that have a due event."""

    def replace(self, stream: Stream) -> None:
        """Replace a stream."""

    def delete(self, stream_id: str) -> None:
        """Delete a stream."""


def check_stream_owner(client_id: str, stream: Stream | None) -> Stream:
    """Return the stream if it belongs to this client; raise UnknownStream."""
    if stream is None or stream.client_id != client_id:
        raise UnknownStream("this client has no stream with this id")
    return stream
