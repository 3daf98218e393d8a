"""Token revocation (RFC 7009)."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import TokenReader
from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.end_sessions import end_client_tokens, end_session


@dataclass(frozen=True, slots=True)
class Revocation:
    """Revokes a token by ending its session; a client's own token, by ending all of the client's own tokens."""

    store: Store
    clients: Clients
    reader: TokenReader
    now: Clock

    def __call__(self, token: str, client: Client | None) -> None:
        """Revoke the token if it is this client's own; an unknown token changes nothing (RFC 7009 section 2.2).

        Raise InvalidClient for a confidential client's token if no client was authenticated.
        """
        with self.store.reading() as tx:
            stored = tx.refresh_tokens.find_by_digest(digest_of(token))
        if stored is not None:
            self._end(stored.token.sid, client)
        elif (access := self.reader.read_any(token)) is None:
            return
        elif access.session_id is not None:
            self._end(access.session_id, client)
        elif self._may_end(access.client_id, client):
            with self.store.transaction() as tx:
                if tx.statuses.find_by_client(access.client_id) == access.status:
                    end_client_tokens(
                        tx, access.client_id, EndReason.REVOKED, self.now(), by=access.client_id
                    )

    def _end(self, sid: str, client: Client | None) -> None:
        with self.store.transaction() as tx:
            session = tx.sessions.get(sid)
            if session is not None and self._may_end(session.client_id, client):
                end_session(tx, sid, EndReason.REVOKED, self.now(), by=session.client_id)

    def _may_end(self, owner_id: str, client: Client | None) -> bool:
        if client is not None:
            return client.client_id == owner_id
        owner = self.clients.get(owner_id)
        if owner is not None and owner.confidential:
            raise InvalidClient("the client of this token must authenticate")
        return owner is not None
