"""What the routes for receivers of security events call."""

from collections.abc import Callable
from dataclasses import dataclass

from touchstone.flask import current_token

from auth_service.domain.delivery import Outcome
from auth_service.domain.oauth.client import Clients
from auth_service.domain.oauth.errors import InvalidToken
from auth_service.domain.signing_keys import Signer
from auth_service.use_cases.security_events.poll import PollDelivery
from auth_service.use_cases.security_events.streams import StreamManagement
from auth_service.web.long_polling import LongPolls


@dataclass(frozen=True, slots=True)
class SecurityEventUseCases:
    """The use cases, what signs the events that a poll returns, and the counter of `Outcome`s."""

    issuer: str
    streams: StreamManagement
    poll: PollDelivery
    clients: Clients
    signer: Signer
    long_polls: LongPolls
    count: Callable[[Outcome, int], object]

    def client(self) -> str:
        """Return the id of the calling client, which needs a token without a user.

        Raise InvalidToken if the token is a user's or the client is unknown or disabled.
        """
        client_id = current_token.client_id
        client = self.clients.get(client_id) if client_id and current_token.session_id is None else None
        if client is None or not client.enabled:
            raise InvalidToken("this token was not issued to an enabled client for itself")
        return client.client_id
