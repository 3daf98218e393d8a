"""Push-based delivery of security events (RFC 8935)."""

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

TYPE = "secevent+jwt"  # RFC 8417 section 2.3; no verifier accepts it as an access token
LEASE_SECONDS = 30.0  # for which one process has claimed an event; longer than any attempt
GIVE_UP_AFTER_SECONDS = 86_400.0


class PushClient(Protocol):
    """Sends a token to a receiver."""

    def push(self, url: str, authorization: str | None, token: str) -> None:
        """Return once it was accepted; raise DeliveryRefused or DeliveryDelayed. Take less than LEASE_SECONDS."""


def security_event_token(signer: Signer, event: QueuedEvent, stream: Stream, issuer: str) -> str:
    """Return the signed token of an event (RFC 8417); raise NoSigningKey."""
    return signer.sign(event.claims(issuer=issuer, audience=stream.audience), typ=TYPE)


@dataclass(frozen=True, slots=True)
class PushDelivery:
    """Delivers events. Any number of processes can: a claimed event belongs to one of them for LEASE_SECONDS."""

    store: SecurityEventStore
    clients: Clients
    signer: Signer
    pusher: PushClient
    issuer: str
    now: Clock

    def due(self) -> Sequence[Stream]:
        """Return the push streams that have due events."""
        with self.store.reading() as tx:
            return tx.streams.list_due(self.now())

    def claim(self, stream: Stream, limit: int) -> Sequence[QueuedEvent]:
        """Claim at most `limit` of its due events."""
        now = self.now()
        with self.store.transaction() as tx:
            return tx.queued_events.claim(stream.stream_id, now, now + LEASE_SECONDS, limit)

    def trim(self) -> int:
        """Delete events that have waited too long, or of which there are too many; return how many."""
        with self.store.transaction() as tx:
            return tx.queued_events.delete_stale(self.now())

    def __call__(self, stream: Stream, event: QueuedEvent) -> Attempt:
        """Push a claimed event once and return the outcome.

        It is deleted once it was accepted, refused, or undeliverable for a day. If the process dies in between,
        another one pushes it again, under the same `jti`.
        """
        tried = self._tried(stream, event)
        with self.store.transaction() as tx:
            if tried.outcome is Outcome.DELAYED:
                tx.queued_events.postpone(event, self.now() + tried.delay)
            else:
                tx.queued_events.delete(stream.stream_id, [event.jti])
        return tried

    def _tried(self, stream: Stream, event: QueuedEvent) -> Attempt:
        client = self.clients.get(stream.client_id)
        if client is None or not client.enabled:
            return Attempt(Outcome.GIVEN_UP, "the client is disabled")
        remaining = event.created_at + GIVE_UP_AFTER_SECONDS - self.now()
        return attempt(lambda: self._push(stream, event), event.attempts, remaining)

    def _push(self, stream: Stream, event: QueuedEvent) -> None:
        try:
            token = security_event_token(self.signer, event, stream, self.issuer)
        except NoSigningKey as error:
            raise DeliveryDelayed(str(error)) from None
        self.pusher.push(stream.endpoint_url or "", stream.authorization, token)
