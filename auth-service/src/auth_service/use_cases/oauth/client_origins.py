"""The origins whose pages may read responses of the token, revocation and userinfo endpoints (CORS)."""

from dataclasses import dataclass

from auth_service.domain.oauth.client import Clients


@dataclass(frozen=True, slots=True)
class ClientOrigins:
    """Tells whether an origin is registered."""

    clients: Clients

    def is_registered(self, origin: str) -> bool:
        """Return whether any enabled client has this origin: a preflight does not name its client."""
        return origin in self.clients.origins()

    def belongs_to(self, client_id: str, origin: str) -> bool:
        """Return whether this client is enabled and has this origin."""
        client = self.clients.get(client_id)
        return client is not None and client.enabled and origin in client.origins
