"""The device code grant (RFC 8628 section 3.4)."""

from dataclasses import dataclass

from auth_service.domain.oauth.client import Client, GrantType, check_grant
from auth_service.domain.oauth.device_code import (
    POLL_INTERVAL_SECONDS,
    DeviceCode,
    DeviceStatus,
    grant_for_device,
)
from auth_service.domain.oauth.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    OAuthError,
    SlowDown,
)
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.unit_of_work import Store, Transaction
from auth_service.use_cases.oauth.token_issuer import NewSession, TokenIssuer, TokenResponse

_UNKNOWN = "this device code is unknown"
_TOO_EARLY = f"polling too often; add {POLL_INTERVAL_SECONDS} seconds to the interval"


@dataclass(frozen=True, slots=True)
class DeviceCodeGrant:
    """The `device_code` grant: the device polls until the user has decided."""

    store: Store
    token_issuer: TokenIssuer

    def __call__(self, client: Client, device_code: str) -> TokenResponse:
        """Return the session's first tokens, once.

        Raise UnauthorizedClient, InvalidGrant, AuthorizationPending, SlowDown, AccessDenied or ExpiredToken.
        """
        check_grant(client, GrantType.DEVICE_CODE)
        digest = digest_of(device_code)
        with self.store.reading() as tx:  # neither an invented code nor an early poll costs a write lock
            known = tx.device_codes.find_by_digest(digest)
        if known is None or known.client_id != client.client_id:
            raise InvalidGrant(_UNKNOWN)
        if known.too_early(self.token_issuer.now()):
            raise SlowDown(_TOO_EARLY)
        with self.store.transaction() as tx:
            outcome = self._poll(tx, client, digest)
        if isinstance(outcome, OAuthError):  # raised after the commit of the next poll time
            raise outcome
        return self.token_issuer.issue_first(outcome)

    def _poll(self, tx: Transaction, client: Client, digest: bytes) -> NewSession | OAuthError:
        now, code = self.token_issuer.now(), tx.device_codes.get_for_update(digest)
        if code is None or code.status is DeviceStatus.USED:
            return InvalidGrant("this device code was already used")
        if now >= code.expires_at:
            return ExpiredToken("this device code has expired")
        if code.too_early(now):  # another poll came first
            return SlowDown(_TOO_EARLY)
        tx.device_codes.set_next_poll(digest, now + POLL_INTERVAL_SECONDS)
        if code.status is DeviceStatus.PENDING:
            return AuthorizationPending("the user has not answered yet")
        if code.status is DeviceStatus.DENIED:
            return AccessDenied("the user denied the request")
        return self._open(tx, client, code)

    def _open(self, tx: Transaction, client: Client, code: DeviceCode) -> NewSession | OAuthError:
        account = tx.accounts.get_for_update(code.sub or "")
        if account is None or account.disabled:
            return AccessDenied("the account that allowed this device is disabled")
        grant = grant_for_device(tx.registry.get(), account, client, code)
        if grant is None:
            return AccessDenied("this account has none of the requested scopes")
        if not tx.device_codes.mark_used(code.digest):
            return InvalidGrant("this device code was already used")
        return self.token_issuer.open_session(
            tx,
            account,
            client,
            grant,
            methods=code.methods,
            auth_time=code.auth_time,
            requested=code.scopes,
        )
