"""The UserInfo endpoint (OpenID Connect Core section 5.3), and internal routes about an account."""

from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.access_token import TokenReader, VerifiedToken
from auth_service.domain.oauth.errors import InvalidToken, MissingScope
from auth_service.domain.oauth.id_token import personal_claims
from auth_service.domain.unit_of_work import Store
from auth_service.use_cases.sessions.active_session import active_account

READ_PROFILE = "profile:read"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Returns claims about the user of an access token, of any audience of this issuer.

    So a token that `resource` narrowed to one service works here too.
    """

    store: Store
    reader: TokenReader
    now: Clock

    def verified(self, token: str) -> VerifiedToken:
        """Return the token; raise InvalidToken."""
        found = self.reader.read_any(token)
        if found is None:
            raise InvalidToken("the access token is invalid or has expired")
        return found

    def __call__(self, found: VerifiedToken) -> dict[str, object]:
        """Return `sub` and the claims of the token's scopes; raise MissingScope or SessionOver."""
        account = self._owner(found, "openid")
        return {"sub": account.sub} | personal_claims(account, found.scopes)

    def account_name(self, found: VerifiedToken) -> dict[str, object]:
        """Return `sub` and `name` for a token with `profile:read`; raise MissingScope or SessionOver.

        A service can call it with the access token that it received.
        """
        account = self._owner(found, READ_PROFILE)
        return {"sub": account.sub, "name": account.name}

    def account(self, sub: str, sid: str | None) -> Account:
        """Return the account of a token that was verified for auth-service; raise SessionOver."""
        with self.store.reading() as tx:
            _, account = active_account(tx, sub, sid, self.now())
        return account

    def _owner(self, found: VerifiedToken, scope: str) -> Account:
        if scope not in found.scopes:
            raise MissingScope(scope)
        return self.account(found.subject, found.session_id)
