"""Streams: over which receivers are told of events (SSF 1.0 section 8.1.1)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from auth_service.domain.security_events.errors import UnknownStream
from auth_service.domain.security_events.event import EVENTS

MAX_STREAMS = 10  # of one client
VERIFY_INTERVAL_SECONDS = 60  # seconds between two verifications of one stream


class DeliveryMethod(StrEnum):
    """How signals get to a receiver."""

    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


class StreamStatus(StrEnum):
    """What a stream does: `paused` keeps signals and sends none, `disabled` keeps none either."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class StreamConfiguration:
    """What a receiver can say of a stream. `authorization` is a secret: what we send with each push.

    `events` None stands for all that there are. `keep_authorization`: it did not say, so what was there stays
    as long as it goes to the same address.
    """

    method: str = DeliveryMethod.POLL
    endpoint_url: str | None = None
    authorization: str | None = field(default=None, repr=False)
    keep_authorization: bool = True
    events: tuple[str, ...] | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one client. `endpoint_url` and `authorization` are there for push alone."""

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
        """The events that it tells of: those asked for that there are."""
        return tuple(event for event in EVENTS if event in self.requested)

    @property
    def audience(self) -> str:
        """Whom its tokens are for."""
        return self.client_id


class Streams(Protocol):
    """Where streams are kept."""

    def add(self, stream: Stream) -> None:
        """Store a new one."""

    def get(self, stream_id: str) -> Stream | None:
        """Find by id."""

    def list_for_update(self, client_id: str) -> list[Stream]:
        """Return a client's, oldest first, and keep everybody else from changing them until the transaction ends."""

    def list_of_client(self, client_id: str) -> list[Stream]:
        """Return a client's, oldest first."""

    def list_all(self) -> list[Stream]:
        """Return everybody's, oldest first."""

    def list_due(self, now: float) -> list[Stream]:
        """Return those that are pushed to, enabled, and have a signal that is due."""

    def replace(self, stream: Stream) -> None:
        """Replace everything that is said of one."""

    def delete(self, stream_id: str) -> None:
        """Forget one."""


def check_stream_owner(client_id: str, stream: Stream | None) -> Stream:
    """Return the stream if it is this client's; raise UnknownStream."""
    if stream is None or stream.client_id != client_id:
        raise UnknownStream("this client has no stream with this id")
    return stream
