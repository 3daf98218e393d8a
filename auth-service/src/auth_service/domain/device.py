"""The device grant (RFC 8628): a device without a keyboard asks, a person with one answers elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from auth_service.domain.accounts import Account
from auth_service.domain.clients import Client, GrantType
from auth_service.domain.device_codes import (
    DEVICE_LIFE,
    INTERVAL,
    DeviceCode,
    DeviceStatus,
    grant_for_device,
    new_user_code,
)
from auth_service.domain.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    OAuthError,
    SlowDown,
    UnauthorizedClient,
)
from auth_service.domain.grants import (
    AUDIENCES,
    OIDC_SCOPES,
    Grant,
    narrow_audiences,
    narrow_scopes,
)
from auth_service.domain.issuing import Issuing, Opened, TokenAnswer
from auth_service.domain.refresh_tokens import digest_of
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock, new_token

_UNKNOWN = "this device code is not known"
_TOO_EARLY = f"add {INTERVAL} seconds to the time between two polls"


@dataclass(frozen=True, slots=True)
class Started:
    """What the device is told: one code to poll with, one to show (RFC 8628 section 3.2)."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    expires_in: int = DEVICE_LIFE
    interval: int = INTERVAL


@dataclass(frozen=True, slots=True)
class StartDevice:
    """The device authorization endpoint."""

    store: Store
    now: Clock

    def __call__(self, client: Client, scopes: frozenset[str] | None, audiences: Iterable[str]) -> Started:
        """Begin; raises UnauthorizedClient, InvalidScope or InvalidTarget."""
        _allowed(client)
        wanted = narrow_scopes(scopes, client.scopes if scopes is not None else client.scopes - OIDC_SCOPES)
        targets = narrow_audiences(audiences, client.audiences & AUDIENCES)
        now, device_code = self.now(), new_token()
        while True:  # a user code that is taken is rare: there are 25 thousand million
            user_code = new_user_code()
            code = DeviceCode(
                digest_of(device_code),
                digest_of(user_code),
                client.client_id,
                wanted,
                targets,
                expires_at=now + DEVICE_LIFE,
                next_poll_at=now,
            )
            with self.store.transaction() as tx:
                if tx.device_codes.add(code):
                    return Started(device_code, user_code)


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """The ``device_code`` grant: the device polls until the person has answered (RFC 8628 section 3.4)."""

    store: Store
    issuing: Issuing

    def __call__(self, client: Client, device_code: str) -> TokenAnswer:
        """Answer with the session's first tokens, once.

        Raises UnauthorizedClient, InvalidGrant, AuthorizationPending, SlowDown, AccessDenied or ExpiredToken.
        """
        _allowed(client)
        digest = digest_of(device_code)
        with self.store.reading() as tx:  # neither a made-up code nor an early poll may cost a write lock
            known = tx.device_codes.find(digest)
        if known is None or known.client_id != client.client_id:
            raise InvalidGrant(_UNKNOWN)
        if known.too_early(self.issuing.now()):
            raise SlowDown(_TOO_EARLY)
        with self.store.transaction() as tx:
            outcome = self._poll(tx, client, digest)
        if isinstance(outcome, OAuthError):  # raised only now: when it may ask again is to be committed
            raise outcome
        account, opened = outcome
        grant = Grant(opened.session.scopes, opened.session.audiences)
        return self.issuing.for_session(opened.session, account, grant, opened.refresh_token)

    def _poll(self, tx: Transaction, client: Client, digest: bytes) -> tuple[Account, Opened] | OAuthError:
        now, code = self.issuing.now(), tx.device_codes.locked(digest)
        if code is None or code.status is DeviceStatus.USED:
            return InvalidGrant("this device code was used before")
        if now >= code.expires_at:
            return ExpiredToken("nobody answered in time")
        if code.too_early(now):  # another poll came first since the look above
            return SlowDown(_TOO_EARLY)
        tx.device_codes.polled(digest, now + INTERVAL)
        if code.status is DeviceStatus.PENDING:
            return AuthorizationPending("nobody has answered yet")
        if code.status is DeviceStatus.DENIED:
            return AccessDenied("the person said no")
        return self._open(tx, client, code)

    def _open(self, tx: Transaction, client: Client, code: DeviceCode) -> tuple[Account, Opened] | OAuthError:
        account = tx.accounts.locked(code.sub or "")
        if account is None or account.disabled:
            return AccessDenied("the account that said yes cannot be used")
        grant = grant_for_device(account, client, code)
        if grant is None:
            return AccessDenied("this account may have nothing of what was asked for")
        if not tx.device_codes.use(code.digest):
            return InvalidGrant("this device code was used before")
        opened = self.issuing.open_session(
            tx,
            account,
            client,
            grant,
            methods=code.methods,
            auth_time=code.auth_time,
            requested=code.scopes,
        )
        return account, opened


def _allowed(client: Client) -> None:
    if GrantType.DEVICE_CODE not in client.grants:
        raise UnauthorizedClient("this client is not registered for the device grant")
