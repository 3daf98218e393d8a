"""Token introspection (RFC 7662)."""

from dataclasses import dataclass

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import TokenReader, VerifiedToken
from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.sessions.session import Session
from auth_service.domain.unit_of_work import Store, Transaction


@dataclass(frozen=True, slots=True)
class ActiveRefreshToken:
    """A refresh token that can be used now."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    expires_at: int
    session_id: str


@dataclass(frozen=True, slots=True)
class Introspection:
    """Introspects access tokens for the resource servers of their audience, refresh tokens for their own client."""

    store: Store
    clients: Clients
    reader: TokenReader
    now: Clock

    def __call__(self, token: str, client: Client | None) -> VerifiedToken | ActiveRefreshToken | None:
        """Return the token if it is active and the client serves its audience or owns it, else None.

        Raise InvalidClient for a client that was not authenticated.
        """
        if client is None or not client.confidential:
            raise InvalidClient("introspection requires client authentication")
        found = self.reader.read_any(token)
        if found is None:
            return self._refresh(token, client)
        holder = self.clients.get(found.client_id)
        if not client.serves.intersection(found.audiences) or holder is None or not holder.enabled:
            return None
        with self.store.reading() as tx:
            if found.session_id is None:
                active = found.status in {None, tx.statuses.find_by_client(found.client_id)}
            else:
                active = self._session(tx, found.session_id) is not None
        return found if active else None

    def _refresh(self, token: str, client: Client) -> ActiveRefreshToken | None:
        with self.store.reading() as tx:
            stored = tx.refresh_tokens.find_by_digest(digest_of(token))
            if stored is None or stored.token.used_at is not None:
                return None
            session = self._session(tx, stored.token.sid)
        if session is None or session.client_id != client.client_id:
            return None
        if self.now() >= stored.token.expires_at:
            return None
        return ActiveRefreshToken(
            session.sub, session.client_id, session.scopes, int(stored.token.expires_at), session.sid
        )

    def _session(self, tx: Transaction, sid: str) -> Session | None:
        """Return the session if it and its account are active, else None."""
        session = tx.sessions.get(sid)
        account = None if session is None else tx.accounts.get(session.sub)
        if session is None or not session.is_active(self.now()) or account is None or account.disabled:
            return None
        return session
