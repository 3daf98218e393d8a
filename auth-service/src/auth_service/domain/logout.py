"""Ending sessions on request: log-out, log-out everywhere, revocation; and saying whether a token still stands."""

from dataclasses import dataclass

from auth_service.domain.clients import Client, Clients
from auth_service.domain.errors import InvalidClient, SessionOver
from auth_service.domain.exchange import OwnToken, TokenReader
from auth_service.domain.refresh_tokens import digest_of
from auth_service.domain.sessions import EndReason, Session, end_all_sessions, end_client_tokens, end_session
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock


@dataclass(frozen=True, slots=True)
class LogOut:
    """Ends the session of whoever asks, or all sessions of the account. Asking again changes nothing."""

    store: Store
    now: Clock

    def __call__(self, sub: str, sid: str | None) -> None:
        """End this one session; raises SessionOver for a token that never had one."""
        with self.store.transaction() as tx:
            end_session(tx, _own(tx, sub, sid), EndReason.LOGGED_OUT, self.now(), by=sub)

    def everywhere(self, sub: str, sid: str | None) -> None:
        """End every session of the account; raises SessionOver for a token that never had one."""
        with self.store.transaction() as tx:
            _own(tx, sub, sid)
            tx.accounts.locked(sub)
            end_all_sessions(tx, sub, EndReason.LOGGED_OUT_EVERYWHERE, self.now(), by=sub)


def _own(tx: Transaction, sub: str, sid: str | None) -> str:
    session = tx.sessions.get(sid) if sid else None
    if session is None or session.sub != sub:
        raise SessionOver("there is no session behind this token")
    return session.sid


@dataclass(frozen=True, slots=True)
class Revoke:
    """Token revocation (RFC 7009): either kind of token ends the session that it came from.

    One that a client got for itself ends all that it got so.
    """

    store: Store
    clients: Clients
    reader: TokenReader
    now: Clock

    def __call__(self, token: str, client: Client | None) -> None:
        """End the session if the token is this client's own; a token that is not, or is unknown, changes nothing.

        Raises InvalidClient for a confidential client's token when no client has proved itself.
        """
        with self.store.reading() as tx:
            presented = tx.refresh_tokens.find(digest_of(token))
        if presented is not None:
            self._end(presented.token.sid, client)
        elif (access := self.reader.read_any(token)) is None:
            return
        elif access.session_id is not None:
            self._end(access.session_id, client)
        elif self._may_end(access.client_id, client):
            with self.store.transaction() as tx:
                if tx.statuses.find_of_client(access.client_id) == access.status:
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
            raise InvalidClient("the client of this token has to prove who it is")
        return owner is not None


@dataclass(frozen=True, slots=True)
class StandingRefresh:
    """A refresh token that would give a successor now."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    expires_at: int
    session_id: str


@dataclass(frozen=True, slots=True)
class Introspect:
    """Token introspection (RFC 7662): access tokens for the resource server that they were made for.

    Refresh tokens are their client's own business: it alone is told of them.
    """

    store: Store
    clients: Clients
    reader: TokenReader
    now: Clock

    def __call__(self, token: str, client: Client | None) -> OwnToken | StandingRefresh | None:
        """Give the token if it stands now and the client serves its audience, or owns it; else None.

        Raises InvalidClient for a client that did not prove who it is.
        """
        if client is None or not client.confidential:
            raise InvalidClient("introspection is for clients that prove who they are")
        found = self.reader.read_any(token)
        if found is None:
            return self._refresh(token, client)
        holder = self.clients.get(found.client_id)
        if not client.serves.intersection(found.audiences) or holder is None or not holder.enabled:
            return None
        with self.store.reading() as tx:
            if found.session_id is None:
                good = found.status in {None, tx.statuses.find_of_client(found.client_id)}
            else:
                good = self._session(tx, found.session_id) is not None
        return found if good else None

    def _refresh(self, token: str, client: Client) -> StandingRefresh | None:
        with self.store.reading() as tx:
            presented = tx.refresh_tokens.find(digest_of(token))
            if presented is None or presented.token.used_at is not None:
                return None
            session = self._session(tx, presented.token.sid)
        if session is None or session.client_id != client.client_id:
            return None
        if self.now() >= presented.token.expires_at:
            return None
        return StandingRefresh(
            session.sub, session.client_id, session.scopes, int(presented.token.expires_at), session.sid
        )

    def _session(self, tx: Transaction, sid: str) -> Session | None:
        """Give the session if it lives, and its account can be used."""
        session = tx.sessions.get(sid)
        account = None if session is None else tx.accounts.get(session.sub)
        if session is None or not session.live(self.now()) or account is None or account.disabled:
            return None
        return session
