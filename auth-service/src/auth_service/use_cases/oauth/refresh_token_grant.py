"""The refresh token grant (RFC 6749 section 6), with rotation and reuse detection (RFC 9700 section 4.14)."""

from dataclasses import dataclass, replace

from auth_service.domain.accounts.account import Account
from auth_service.domain.audit_log import REFUSED, AuditEvent, EventType
from auth_service.domain.oauth.client import Client, Clients, GrantType
from auth_service.domain.oauth.errors import InvalidClient, InvalidGrant, InvalidScope
from auth_service.domain.oauth.refresh_token import Sealer, StoredRefreshToken
from auth_service.domain.oauth.registry import OIDC_SCOPES, Registry
from auth_service.domain.oauth.scopes import Grant, limit_if_unverified, narrow_audiences
from auth_service.domain.opaque_tokens import digest_of, new_token
from auth_service.domain.request_context import current_origin
from auth_service.domain.sessions.session import EndReason, Session
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.oauth.token_issuer import TokenIssuer, TokenResponse
from auth_service.use_cases.sessions.end_sessions import end_session


@dataclass(frozen=True, slots=True)
class _Request:
    """One request."""

    token: str
    client: Client | None
    scopes: frozenset[str] | None
    audiences: tuple[str, ...]
    now: float


@dataclass(frozen=True, slots=True)
class _Rotated:
    session: Session
    account: Account
    grant: Grant
    successor: str


@dataclass(frozen=True, slots=True)
class RefreshTokenGrant:
    """The `refresh_token` grant.

    An unused token returns a new successor. Within the grace time its *immediate* predecessor returns that same
    successor again (a response was lost, two tabs refreshed at once). Any other reuse, also of an older token within
    the grace time, ends that session alone.
    """

    store: Store
    clients: Clients
    sealer: Sealer
    token_issuer: TokenIssuer

    def __call__(
        self, token: str, client: Client | None, scopes: frozenset[str] | None, audiences: tuple[str, ...]
    ) -> TokenResponse:
        """Return tokens with the one successor; raise InvalidGrant, InvalidClient, InvalidScope or InvalidTarget.

        `client` is None if the request named none, which is enough for a public client. A refusal for scope or audience
        leaves the token unused.
        """
        request = _Request(token, client, scopes, audiences, self.token_issuer.now())
        with self.store.reading() as tx:  # an invented token must not cost a write lock
            known = tx.refresh_tokens.find_by_digest(digest_of(token))
        if known is None:
            raise InvalidGrant("this refresh token is unknown")
        with self.store.transaction() as tx:
            rotated = self._rotate(tx, request)
        if rotated is None:  # raised after the commit of the session's end
            raise InvalidGrant("this refresh token was already used; its session has ended")
        return self.token_issuer.issue_for_session(
            rotated.session, rotated.account, rotated.grant, rotated.successor
        )

    def _rotate(self, tx: Transaction, request: _Request) -> _Rotated | None:
        digest = digest_of(request.token)
        stored = tx.refresh_tokens.find_by_digest(digest)
        if stored is None:
            raise InvalidGrant("this refresh token is unknown")
        session, client = self._session(tx, stored.token.sid, request)
        unused = stored.token.used_at is None
        if unused and request.now >= stored.token.expires_at:
            raise InvalidGrant("this refresh token has expired")
        if not unused and not self._in_grace(stored, request.now):
            _reused(tx, session, request)
            return None
        account = _active_account(tx, session)
        session = _follow(tx, session, client, account)
        grant = _grant(tx.registry.get(), session, client, account, request)
        successor = self._replace(tx, request, session, digest) if unused else None
        if successor is None:  # used before, perhaps by a concurrent request
            successor = self._same_successor(tx.refresh_tokens.find_by_digest(digest), request)
        if successor is None:
            _reused(tx, session, request)
            return None
        if session.status is None:  # opened before status bits existed
            session = replace(session, status=tx.statuses.assign_to_session(session.sid))
        return _Rotated(session, account, grant, successor)

    def _in_grace(self, stored: StoredRefreshToken, now: float) -> bool:
        used_at = stored.token.used_at
        if used_at is None or stored.successor_used:
            return False
        return now - used_at <= self.token_issuer.lifetimes.grace

    def _same_successor(self, stored: StoredRefreshToken | None, request: _Request) -> str | None:
        if stored is None or stored.token.sealed is None or not self._in_grace(stored, request.now):
            return None
        return self.sealer.unseal(request.token, stored.token.sealed)

    def _session(self, tx: Transaction, sid: str, request: _Request) -> tuple[Session, Client]:
        session = tx.sessions.get(sid)
        if session is None or not session.is_active(request.now):
            raise InvalidGrant("the session of this refresh token has ended")
        if request.client is not None and request.client.client_id != session.client_id:
            raise InvalidGrant("this refresh token was issued to another client")
        client = self.clients.get(session.client_id)
        if client is None or not client.enabled or GrantType.REFRESH_TOKEN not in client.grants:
            raise InvalidGrant(
                "the client of this refresh token is disabled or no longer registered for refresh"
            )
        if client.confidential and request.client is None:
            raise InvalidClient("the client of this refresh token must authenticate")
        return session, client

    def _replace(self, tx: Transaction, request: _Request, session: Session, digest: bytes) -> str | None:
        successor = new_token()
        row = self.token_issuer.refresh_token(successor, session, request.now)
        sealed = self.sealer.seal(request.token, successor)
        if not tx.refresh_tokens.replace(digest, row, sealed, request.now):
            return None
        origin = current_origin()
        until = self.token_issuer.tokens_until(session, request.now)
        tx.sessions.record_use(session.sid, request.now, origin.address, origin.user_agent, until)
        return successor


def _reused(tx: Transaction, session: Session, request: _Request) -> None:
    """End the session: one of the two holders of this token stole it."""
    tx.audit.record(
        AuditEvent(
            EventType.REFRESH_REUSED,
            REFUSED,
            subject=session.sub,
            client_id=session.client_id,
            session_id=session.sid,
        )
    )
    end_session(tx, session.sid, EndReason.REFRESH_REUSED, request.now)


def _active_account(tx: Transaction, session: Session) -> Account:
    account = tx.accounts.get(session.sub)
    if account is None or account.disabled:
        raise InvalidGrant("the account of this refresh token is disabled")
    return account


def _follow(tx: Transaction, session: Session, client: Client, account: Account) -> Session:
    """Return the session with what its account has got since, if the log-in left scopes and audiences to the account.

    A third-party client never gets more than the user consented to.
    """
    if session.requested or not client.first_party:
        return session
    scopes = session.scopes | client.scopes & tx.registry.get().scopes_of(account.roles)
    audiences = tuple(sorted(client.audiences.union(session.audiences)))
    if (scopes, audiences) == (session.scopes, session.audiences):
        return session
    registered = tx.registry.get_locked().audiences
    audiences = tuple(name for name in audiences if name in registered)
    tx.sessions.set_grant(session.sid, scopes, audiences)
    return replace(session, scopes=scopes, audiences=audiences)


def _grant(
    registry: Registry, session: Session, client: Client, account: Account, request: _Request
) -> Grant:
    """Return the requested grant, within the session and what account and client may have now.

    A scope that the session was granted, or that was requested when it began, may be named and is ignored while the
    account may not have it. Other scopes are refused (RFC 6749 section 6).
    """
    allowed = session.scopes & registry.scopes_of(account.roles).union(OIDC_SCOPES) & client.scopes
    targets = client.audiences.intersection(session.audiences)
    requested = registry.known(request.scopes)
    if requested is not None:
        beyond = requested - session.scopes - session.requested
        if beyond:
            raise InvalidScope(f"scopes not granted to this session: {' '.join(sorted(beyond))}")
        allowed &= requested
    if not allowed:
        raise InvalidScope("this account currently has none of these scopes")
    return limit_if_unverified(
        registry, account, Grant(allowed, narrow_audiences(request.audiences, targets))
    )
