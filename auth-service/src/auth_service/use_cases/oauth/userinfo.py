"""Userinfo (OpenID Connect Core section 5.3): what a person lets a client know about them."""

from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import TokenReader, VerifiedToken
from auth_service.domain.oauth.errors import InvalidToken, MissingScope
from auth_service.domain.oauth.id_token import personal_claims
from auth_service.domain.sessions.errors import SessionOver
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.end_sessions import live_session

READ_PROFILE = "profile:read"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Answers for an access token with the scope `openid`, for whichever of our audiences it was made.

    So that `resource` may narrow a token's audience to one service, and userinfo goes on working with it.
    """

    store: Store
    reader: TokenReader
    now: Clock

    def __call__(self, token: str) -> dict[str, object]:
        """Return `sub`, and what the scopes allow; raise InvalidToken, MissingScope or SessionOver."""
        found, account = self._owner(token, "openid")
        return {"sub": account.sub} | personal_claims(account, found.scopes)

    def account_name(self, token: str) -> dict[str, object]:
        """Return `sub` and `name` for a token with `profile:read`; raise InvalidToken, MissingScope or SessionOver.

        A service that keeps profiles asks for it with the access token that it was sent.
        """
        _, account = self._owner(token, READ_PROFILE)
        return {"sub": account.sub, "name": account.name}

    def _owner(self, token: str, scope: str) -> tuple[VerifiedToken, Account]:
        found = self.reader.read_any(token)
        if found is None:
            raise InvalidToken("the access token is invalid or has expired")
        if scope not in found.scopes:
            raise MissingScope(scope)
        with self.store.reading() as tx:
            live_session(tx, found.subject, found.session_id, self.now())
            account = tx.accounts.get(found.subject)
        if account is None or account.disabled:
            raise SessionOver("this account does not exist or is disabled")
        return found, account
