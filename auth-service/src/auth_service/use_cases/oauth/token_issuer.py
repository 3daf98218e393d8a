"""The token issuer: opens sessions and signs tokens for every grant."""

from dataclasses import dataclass, field, replace

from auth_service.domain.accounts.account import Account
from auth_service.domain.audit_log import AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import AccessToken
from auth_service.domain.oauth.client import Client, GrantType
from auth_service.domain.oauth.errors import InvalidClient, InvalidTarget
from auth_service.domain.oauth.id_token import ID_TOKEN, id_token_claims
from auth_service.domain.oauth.refresh_token import RefreshToken
from auth_service.domain.oauth.registry import OIDC_SCOPES
from auth_service.domain.oauth.scopes import Grant, limit_if_unverified, narrow_scopes
from auth_service.domain.opaque_tokens import digest_of, new_id, new_token
from auth_service.domain.request_context import current_origin
from auth_service.domain.sessions.session import Session
from auth_service.domain.signing_keys import Signer
from auth_service.domain.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A token response (RFC 6749 section 5.1); the tokens never show in a `repr`."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
    refresh_token: str | None = field(default=None, repr=False)
    issued_token_type: str | None = None
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds. `refresh_idle` restarts with every use, `session` is absolute."""

    access: int = 300
    refresh_idle: int = 1_209_600
    session: int = 2_592_000
    grace: int = 10


@dataclass(frozen=True, slots=True)
class NewSession:
    """A new session and its account, what its first tokens carry, and a refresh token if the client may refresh."""

    session: Session
    account: Account
    grant: Grant
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Opens sessions and issues tokens."""

    issuer: str
    lifetimes: Lifetimes
    signer: Signer
    now: Clock

    def open_session(  # noqa: PLR0913 - by name
        self,
        tx: Transaction,
        account: Account,
        client: Client,
        grant: Grant,
        *,
        methods: tuple[str, ...],
        auth_time: float | None = None,
        browser_session: bytes | None = None,
        requested: frozenset[str] = frozenset(),
    ) -> NewSession:
        """Store a new session for an account that was authenticated by `methods` (RFC 8176), now or at `auth_time`.

        `requested` are the scopes that the client named; if it named neither scopes nor audiences, the session of a
        first-party client follows its account. Raise InvalidClient if the client was just disabled and InvalidTarget if
        an audience was just removed, so that no session outlives that, and InvalidScope.
        """
        registry = tx.registry.get_locked()  # before rows that a change of the registry may lock, too
        if not tx.clients.lock_enabled(client.client_id):
            raise InvalidClient("the client is unknown or disabled")
        if not registry.audiences.keys() >= set(grant.audiences):
            raise InvalidTarget("a requested audience was just removed")
        now, origin, refreshable = self.now(), current_origin(), GrantType.REFRESH_TOKEN in client.grants
        session = Session(
            sid=new_id(),
            sub=account.sub,
            client_id=client.client_id,
            scopes=grant.scopes,
            audiences=grant.audiences,
            methods=methods,
            auth_time=now if auth_time is None else auth_time,
            expires_at=now + self.lifetimes.session,
            requested=requested,
            browser_session=browser_session,
            created_at=now,
            last_used_at=now,
            address=origin.address,
            user_agent=origin.user_agent,
        )
        session = tx.sessions.add(
            replace(session, tokens_until=self.tokens_until(session, now, refreshable=refreshable))
        )
        tx.audit.record(_opened(session))
        # A code may have been issued before a scope was taken from the role or the client.
        allowed = client.scopes & registry.scopes_of(account.roles).union(OIDC_SCOPES)
        present = Grant(narrow_scopes(None, grant.scopes & allowed), grant.audiences)
        grant = limit_if_unverified(registry, account, present)
        if not refreshable:
            return NewSession(session, account, grant, None)
        token = new_token()
        tx.refresh_tokens.add(self.refresh_token(token, session, now))
        return NewSession(session, account, grant, token)

    def tokens_until(self, session: Session, now: float, *, refreshable: bool = True) -> float:
        """Return when the last of the session's tokens expires, if none is issued after now."""
        longest = max(self.lifetimes.access, self.lifetimes.refresh_idle if refreshable else 0)
        return min(now + longest, session.expires_at)

    def refresh_token(self, token: str, session: Session, now: float) -> RefreshToken:
        """Return the record of a new refresh token, which expires no later than the session."""
        expires_at = min(now + self.lifetimes.refresh_idle, session.expires_at)
        return RefreshToken(digest_of(token), session.sid, expires_at, keep_until=session.expires_at)

    def issue_first(self, opened: NewSession, nonce: str | None = None) -> TokenResponse:
        """Return the first tokens of a new session."""
        return self.issue_for_session(
            opened.session, opened.account, opened.grant, opened.refresh_token, nonce=nonce
        )

    def issue_for_session(
        self,
        session: Session,
        account: Account,
        grant: Grant,
        refresh_token: str | None,
        *,
        nonce: str | None = None,
    ) -> TokenResponse:
        """Return an access token of the session, and with `openid` an ID token; neither outlives the session."""
        now = int(self.now())
        token = AccessToken(
            subject=account.sub,
            client_id=session.client_id,
            audiences=grant.audiences,
            scopes=grant.scopes,
            expires_at=min(now + self.lifetimes.access, int(session.expires_at)),
            roles=account.roles,
            session_id=session.sid,
            status=session.status,
            auth_time=int(session.auth_time),
        )
        response = self.issue(token, refresh_token=refresh_token)
        if "openid" not in grant.scopes:
            return response
        claims = id_token_claims(
            session,
            account,
            grant.scopes,
            response.access_token,
            issued_at=now,
            expires_at=token.expires_at,
            nonce=nonce,
        )
        return replace(response, id_token=self.signer.sign({"iss": self.issuer} | claims, typ=ID_TOKEN))

    def issue(
        self, token: AccessToken, *, refresh_token: str | None = None, issued_token_type: str | None = None
    ) -> TokenResponse:
        """Sign an access token (RFC 9068); raise NoSigningKey."""
        now = int(self.now())
        claims = token.claims(issuer=self.issuer, issued_at=now, token_id=new_id())
        return TokenResponse(
            access_token=self.signer.sign(claims, typ="at+jwt"),
            expires_in=token.expires_at - now,
            scope=str(claims["scope"]),
            refresh_token=refresh_token,
            issued_token_type=issued_token_type,
        )


def _opened(session: Session) -> AuditEvent:
    return AuditEvent(
        EventType.SESSION_OPENED,
        actor=session.sub,
        subject=session.sub,
        client_id=session.client_id,
        session_id=session.sid,
        detail={"methods": list(session.methods), "scope": " ".join(sorted(session.scopes))},
    )
