"""Delivery: a signal on its way to where its stream is pushed to, until it is there, refused, or too old (RFC 8935)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from auth_service.domain.clock import Clock
from auth_service.domain.delivery import Attempt, DeliveryDelayed, Outcome, attempt
from auth_service.domain.errors import NoSigningKey
from auth_service.domain.oauth.client import Clients
from auth_service.domain.security_events.event import QueuedEvent
from auth_service.domain.security_events.stream import Stream
from auth_service.domain.security_events.unit_of_work import SecurityEventStore
from auth_service.domain.signing_keys import Signer

TYPE = "secevent+jwt"  # RFC 8417 section 2.3: no verifier of access tokens takes it for one
LEASE = 30.0  # seconds that a signal is one process's, longer than any try takes
GIVEN_UP_AFTER = 86_400.0  # seconds of trying


class PushClient(Protocol):
    """Hands a token to a receiver."""

    def push(self, url: str, authorization: str | None, token: str) -> None:
        """Return when it was accepted; raise DeliveryRefused or DeliveryDelayed. Takes less than LEASE."""


def security_event_token(signer: Signer, signal: QueuedEvent, stream: Stream, issuer: str) -> str:
    """Sign a signal for its stream (RFC 8417); raise NoSigningKey."""
    return signer.sign(signal.claims(issuer=issuer, audience=stream.audience), typ=TYPE)


@dataclass(frozen=True, slots=True)
class PushDelivery:
    """Sees signals off. Any number of processes may: one that is claimed is nobody else's for LEASE seconds."""

    store: SecurityEventStore
    clients: Clients
    signer: Signer
    pusher: PushClient
    issuer: str
    now: Clock

    def due(self) -> Sequence[Stream]:
        """Return the streams that have something to be pushed now."""
        with self.store.reading() as tx:
            return tx.streams.list_due(self.now())

    def claim(self, stream: Stream, limit: int) -> Sequence[QueuedEvent]:
        """Take at most so many of its signals, to be tried at once."""
        now = self.now()
        with self.store.transaction() as tx:
            return tx.queued_events.claim(stream.stream_id, now, now + LEASE, limit)

    def trim(self) -> int:
        """Forget signals that have waited too long, or of which there are too many; return how many."""
        with self.store.transaction() as tx:
            return tx.queued_events.delete_stale(self.now())

    def __call__(self, stream: Stream, signal: QueuedEvent) -> Attempt:
        """Try one that was claimed, and say what became of it.

        It is forgotten once it was accepted or refused, or when it could not be handed over for a day.
        A process that dies in between leaves it to the next, so a receiver may get it twice, under the same `jti`.
        """
        tried = self._tried(stream, signal)
        with self.store.transaction() as tx:
            if tried.outcome is Outcome.DELAYED:
                tx.queued_events.postpone(signal, self.now() + tried.delay)
            else:
                tx.queued_events.delete(stream.stream_id, [signal.jti])
        return tried

    def _tried(self, stream: Stream, signal: QueuedEvent) -> Attempt:
        client = self.clients.get(stream.client_id)
        if client is None or not client.enabled:
            return Attempt(Outcome.GIVEN_UP, "the client is disabled")
        remaining = signal.created_at + GIVEN_UP_AFTER - self.now()
        return attempt(lambda: self._push(stream, signal), signal.attempts, remaining)

    def _push(self, stream: Stream, signal: QueuedEvent) -> None:
        try:
            token = security_event_token(self.signer, signal, stream, self.issuer)
        except NoSigningKey as error:
            raise DeliveryDelayed(str(error)) from None
        self.pusher.push(stream.endpoint_url or "", stream.authorization, token)
