"""The client credentials grant (RFC 6749 section 4.4)."""

from dataclasses import dataclass, replace

from auth_service.domain.oauth.access_token import AccessToken
from auth_service.domain.oauth.client import Client, GrantType
from auth_service.domain.oauth.errors import InvalidClient, UnauthorizedClient
from auth_service.domain.oauth.scopes import narrow_audiences, narrow_scopes
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.oauth.token_issuer import TokenIssuer, TokenResponse


@dataclass(frozen=True, slots=True)
class ClientCredentialsGrant:
    """The `client_credentials` grant: a token for a client itself, without user, session and refresh token.

    It carries the client's status bit, so disabling the client revokes it.
    """

    store: Store
    token_issuer: TokenIssuer

    def __call__(
        self, client: Client, scopes: frozenset[str] | None, audiences: tuple[str, ...]
    ) -> TokenResponse:
        """Return a token for an authenticated client.

        Raise UnauthorizedClient, InvalidScope, InvalidTarget, or InvalidClient if it was just disabled.
        """
        if GrantType.CLIENT_CREDENTIALS not in client.grants or not client.confidential:
            raise UnauthorizedClient("this client is not registered for the client_credentials grant")
        with self.store.transaction() as tx:
            token = AccessToken(
                subject=client.client_id,
                client_id=client.client_id,
                audiences=narrow_audiences(audiences, client.audiences),
                scopes=narrow_scopes(tx.registry.get().known(scopes), client.own_scopes),
                expires_at=int(self.token_issuer.now()) + self.token_issuer.lifetimes.access,
            )
            if not tx.clients.lock_enabled(client.client_id):
                raise InvalidClient("the client is unknown or disabled")
            status = tx.statuses.get_or_assign_to_client(client.client_id)
        return self.token_issuer.issue(replace(token, status=status))
