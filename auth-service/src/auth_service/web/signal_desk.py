"""What the routes for receivers of signals can call."""

from collections.abc import Callable
from dataclasses import dataclass

from touchstone.flask import current_token

from auth_service.domain.clients import Clients
from auth_service.domain.delivery import Outcome
from auth_service.domain.errors import InvalidToken
from auth_service.domain.issuing import Signer
from auth_service.domain.streams import Poll, StreamAdmin


@dataclass(frozen=True, slots=True)
class SignalDesk:
    """What receivers can do: their streams, the poll, and what signs what a poll takes away."""

    streams: StreamAdmin
    poll: Poll
    clients: Clients
    signer: Signer
    count: Callable[[Outcome, int], object]

    def client(self) -> str:
        """Name the client that asks, by a token for itself alone; raises InvalidToken if it may not any more."""
        client_id = current_token.client_id
        client = self.clients.get(client_id) if client_id and current_token.session_id is None else None
        if client is None or not client.enabled:
            raise InvalidToken("this token speaks for no client that may receive signals")
        return client.client_id
