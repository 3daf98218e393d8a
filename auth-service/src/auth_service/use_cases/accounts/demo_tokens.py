"""Signed access tokens that every service must refuse, for the demonstration."""

from dataclasses import dataclass, replace
from typing import Final

from auth_service.domain.oauth.access_token import AccessToken
from auth_service.domain.oauth.client import Clients, GrantType
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.sessions.session import EndReason
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.oauth.token_issuer import TokenIssuer
from auth_service.use_cases.sessions.active_session import active_account
from auth_service.use_cases.sessions.end_sessions import end_session

AUDIENCE: Final = "https://another.example"  # no name of an audience has a slash
EXPIRED_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class DemoTokens:
    """Signs tokens of a session that has ended already: one with no other fault, one expired, one of another audience."""

    store: Store
    clients: Clients
    token_issuer: TokenIssuer

    def __call__(self, sub: str, sid: str | None) -> dict[str, str]:
        """Return a token for each fault: `revoked`, `expired`, `wrong_audience`; all of them are revoked.

        `sid` is the caller's session, which stays. Raise SessionOver if it has ended, InvalidClient if its client is
        gone.
        """
        issuer, now = self.token_issuer, int(self.token_issuer.now())
        with self.store.transaction() as tx:
            own, account = active_account(tx, sub, sid, now)
            client = self.clients.get(own.client_id)
            if client is None:
                raise InvalidClient("the client of this session is unknown")
            # Without a refresh token, so that its status bit is free again once the access tokens have expired.
            client = replace(client, grants=client.grants - {GrantType.REFRESH_TOKEN})
            grant = Grant(own.scopes, own.audiences)
            opened = issuer.open_session(
                tx, account, client, grant, methods=own.methods, auth_time=own.auth_time
            )
            end_session(tx, opened.session.sid, EndReason.LOGGED_OUT, now, by=sub)
        revoked = AccessToken(
            subject=account.sub,
            client_id=client.client_id,
            audiences=opened.grant.audiences,
            scopes=opened.grant.scopes,
            expires_at=now + issuer.lifetimes.access,
            roles=account.roles,
            session_id=opened.session.sid,
            status=opened.session.status,
            auth_time=int(own.auth_time),
        )
        expired = replace(revoked, expires_at=now - EXPIRED_SECONDS)
        return {
            "revoked": self._signed(revoked, now),
            "expired": self._signed(expired, expired.expires_at - issuer.lifetimes.access),
            "wrong_audience": self._signed(replace(revoked, audiences=(AUDIENCE,)), now),
        }

    def _signed(self, token: AccessToken, issued_at: int) -> str:
        claims = token.claims(issuer=self.token_issuer.issuer, issued_at=issued_at, token_id=new_id())
        return self.token_issuer.signer.sign(claims, typ="at+jwt")
