"""Streams: over which a receiver is told of events, and what it can do to its own (SSF 1.0 section 8.1)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from auth_service.domain.audit import AuditEvent, Event
from auth_service.domain.errors import InvalidStream, TooManyStreams, TooManyVerifications, UnknownStream
from auth_service.domain.receivers import check_authorization, check_endpoint
from auth_service.domain.signals import EVENTS, VERIFICATION, Signal
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock, new_id

MOST_STREAMS = 10  # of one client
VERIFY_EVERY = 60  # seconds between two verifications of one stream


class Method(StrEnum):
    """How signals get to a receiver."""

    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


class Status(StrEnum):
    """What a stream does: ``paused`` keeps signals and sends none, ``disabled`` keeps none either."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a receiver can say of a stream. ``authorization`` is a secret: what we send with each push.

    ``events`` None stands for all that there are. ``keep_authorization``: it did not say, so what was there stays
    as long as it goes to the same address.
    """

    method: str = Method.POLL
    endpoint_url: str | None = None
    authorization: str | None = field(default=None, repr=False)
    keep_authorization: bool = True
    events: tuple[str, ...] | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one client. ``endpoint_url`` and ``authorization`` are there for push alone."""

    stream_id: str
    client_id: str
    method: str
    requested: tuple[str, ...]
    created_at: float
    status: str = Status.ENABLED
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
        """Keep a new one."""

    def get(self, stream_id: str) -> Stream | None:
        """Find by id."""

    def locked(self, client_id: str) -> list[Stream]:
        """Give a client's, oldest first, and keep everybody else from changing them until the transaction ends."""

    def of(self, client_id: str) -> list[Stream]:
        """Give a client's, oldest first."""

    def all(self) -> list[Stream]:
        """Give everybody's, oldest first."""

    def due(self, now: float) -> list[Stream]:
        """Give those that are pushed to, enabled, and have a signal that is due."""

    def replace(self, stream: Stream) -> None:
        """Replace everything that is said of one."""

    def remove(self, stream_id: str) -> None:
        """Forget one."""


@dataclass(frozen=True, slots=True)
class StreamAdmin:
    """What a client can do to its own streams: nobody else's are there for it. ``at_home`` allows http to near hosts."""

    store: Store
    now: Clock
    at_home: bool = False

    def create(self, client_id: str, wish: Wish) -> Stream:
        """Open a stream; raises InvalidStream, or TooManyStreams."""
        stream = self._shaped(Stream(new_id(), client_id, wish.method, (), self.now()), wish)
        with self.store.transaction() as tx:
            if len(tx.streams.locked(client_id)) >= MOST_STREAMS:
                raise TooManyStreams(f"a client has at most {MOST_STREAMS} streams")
            tx.streams.add(stream)
            _record(tx, Event.STREAM_CREATED, stream)
        return stream

    def list(self, client_id: str) -> Sequence[Stream]:
        """Give the client's, oldest first."""
        with self.store.reading() as tx:
            return tx.streams.of(client_id)

    def get(self, client_id: str, stream_id: str) -> Stream:
        """Find one; raises UnknownStream."""
        with self.store.reading() as tx:
            return _own(client_id, tx.streams.get(stream_id))

    def configure(self, client_id: str, stream_id: str, wish: Callable[[Stream], Wish]) -> Stream:
        """Replace what the receiver can say by what it wishes of the stream as it is; raises UnknownStream or InvalidStream."""
        with self.store.transaction() as tx:
            before = _locked(tx, client_id, stream_id)
            stream = self._shaped(before, wish(before))
            tx.streams.replace(stream)
            _record(tx, Event.STREAM_CHANGED, stream)
        return stream

    def set_status(self, client_id: str, stream_id: str, status: Status, reason: str | None) -> Stream:
        """Enable, pause or disable; a disabled stream forgets what it had. Raises UnknownStream."""
        with self.store.transaction() as tx:
            stream = replace(_locked(tx, client_id, stream_id), status=status, reason=reason)
            tx.streams.replace(stream)
            if status is Status.DISABLED:
                tx.signals.clear(stream_id)
            _record(tx, Event.STREAM_CHANGED, stream)
        return stream

    def remove(self, client_id: str, stream_id: str) -> None:
        """Close a stream, and forget what it had; raises UnknownStream."""
        with self.store.transaction() as tx:
            stream = _locked(tx, client_id, stream_id)
            remove_stream(tx, stream)

    def verify(self, client_id: str, stream_id: str, state: str | None) -> None:
        """Send a verification with the receiver's ``state``; raises UnknownStream, InvalidStream, TooManyVerifications."""
        now = self.now()
        with self.store.transaction() as tx:
            stream = _locked(tx, client_id, stream_id)
            if stream.status == Status.DISABLED:
                raise InvalidStream("nothing is sent over a disabled stream")
            wait = VERIFY_EVERY - (now - (stream.verified_at or 0.0))
            if wait > 0:
                raise TooManyVerifications(
                    "a verification was asked for a moment ago", retry_after=int(wait) + 1
                )
            tx.streams.replace(replace(stream, verified_at=now))
            body = {} if state is None else {"state": state}
            tx.signals.add(Signal(new_id(), stream_id, new_id(), VERIFICATION, body, now))

    def _shaped(self, stream: Stream, wish: Wish) -> Stream:
        """Give the stream as wished; raises InvalidStream."""
        events = tuple(dict.fromkeys(EVENTS if wish.events is None else wish.events))
        if not events:
            raise InvalidStream("events_requested: names at least one event, or is left out")
        authorization = wish.authorization
        if wish.method == Method.POLL:
            if authorization is not None:
                raise InvalidStream("delivery.authorization_header: is for push")
            endpoint = None
        else:
            endpoint = check_endpoint(wish.endpoint_url, at_home=self.at_home)
            check_authorization(authorization)
            if wish.keep_authorization and endpoint == stream.endpoint_url:
                authorization = stream.authorization
        return replace(
            stream,
            method=wish.method,
            endpoint_url=endpoint,
            authorization=authorization,
            requested=events,
            description=wish.description,
        )


@dataclass(frozen=True, slots=True)
class Operator:
    """What whoever runs the mint can do to everybody's streams."""

    store: Store

    def all(self) -> Sequence[tuple[Stream, int]]:
        """Give every stream with the number of signals that wait for it, up to a thousand."""
        with self.store.reading() as tx:
            return [(each, len(tx.signals.waiting(each.stream_id, 1000))) for each in tx.streams.all()]

    def remove(self, stream_id: str) -> None:
        """Close a stream, and forget what it had; raises UnknownStream."""
        with self.store.transaction() as tx:
            stream = tx.streams.get(stream_id)
            if stream is None:
                raise UnknownStream("there is no such stream")
            remove_stream(tx, stream)


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll takes away: signals, oldest first, and whether there are more."""

    stream: Stream
    signals: Sequence[Signal]
    more: bool


@dataclass(frozen=True, slots=True)
class Poll:
    """Lets a receiver fetch its signals (RFC 8936). What it does not acknowledge it gets again."""

    store: Store

    def settle(self, client_id: str, stream_id: str, told: Collection[str]) -> int:
        """Forget what was acknowledged or refused; gives how many were there. Raises UnknownStream or InvalidStream."""
        if not told:
            self.fetch(client_id, stream_id, 0)
            return 0
        with self.store.transaction() as tx:
            _polled(_own(client_id, tx.streams.get(stream_id)))
            return tx.signals.remove(stream_id, told)

    def fetch(self, client_id: str, stream_id: str, limit: int) -> Polled:
        """Give at most so many, none unless the stream is enabled. Raises UnknownStream or InvalidStream."""
        with self.store.reading() as tx:
            stream = _polled(_own(client_id, tx.streams.get(stream_id)))
            if limit == 0 or stream.status != Status.ENABLED:
                return Polled(stream, (), more=False)
            found = tx.signals.waiting(stream_id, limit + 1)
        return Polled(stream, found[:limit], more=len(found) > limit)


def remove_stream(tx: Transaction, stream: Stream) -> None:
    """Close a stream, and forget what it had."""
    tx.streams.remove(stream.stream_id)
    tx.signals.clear(stream.stream_id)
    _record(tx, Event.STREAM_REMOVED, stream)


def _own(client_id: str, stream: Stream | None) -> Stream:
    if stream is None or stream.client_id != client_id:
        raise UnknownStream("there is no such stream")
    return stream


def _locked(tx: Transaction, client_id: str, stream_id: str) -> Stream:
    found = {stream.stream_id: stream for stream in tx.streams.locked(client_id)}
    return _own(client_id, found.get(stream_id))


def _polled(stream: Stream) -> Stream:
    if stream.method != Method.POLL:
        raise InvalidStream("this stream is pushed, not polled")
    return stream


def _record(tx: Transaction, event: Event, stream: Stream) -> None:
    facts = {"stream_id": stream.stream_id, "method": stream.method, "status": str(stream.status)}
    tx.audit.record(AuditEvent(event, actor=stream.client_id, client_id=stream.client_id, detail=facts))
