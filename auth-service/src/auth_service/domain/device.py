"""The device grant (RFC 8628): a device without a keyboard asks, a person with one answers elsewhere."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from auth_service.domain.accounts import Account
from auth_service.domain.audit import OK, REFUSED, AuditEvent, Event, current_origin
from auth_service.domain.browser import SignedIn
from auth_service.domain.clients import Client, Clients, GrantType
from auth_service.domain.device_codes import (
    DEVICE_LIFE,
    INTERVAL,
    DeviceCode,
    DeviceStatus,
    new_user_code,
    normal_user_code,
)
from auth_service.domain.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    OAuthError,
    SlowDown,
    TooManyTries,
    UnauthorizedClient,
    UnknownUserCode,
)
from auth_service.domain.grants import (
    AUDIENCES,
    OIDC_SCOPES,
    Grant,
    account_scopes,
    narrow_audiences,
    narrow_scopes,
)
from auth_service.domain.issuing import Issuing, Opened, TokenAnswer
from auth_service.domain.refresh_tokens import digest_of
from auth_service.domain.slowdown import network_of
from auth_service.domain.store import Store, Transaction
from auth_service.domain.times import Clock, new_token

LONGEST_BLOCK = 600.0
_UNKNOWN = "this device code is not known"
_WRONG = "there is no such code, or it has expired"


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
        with self.store.reading() as tx:  # a made-up code must not cost a write lock
            known = tx.device_codes.find(digest)
        if known is None or known.client_id != client.client_id:
            raise InvalidGrant(_UNKNOWN)
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
        if now < code.next_poll_at:
            slower = code.interval + INTERVAL
            tx.device_codes.polled(digest, slower, now + slower)
            return SlowDown(f"ask every {slower} seconds")
        tx.device_codes.polled(digest, code.interval, now + code.interval)
        if code.status is DeviceStatus.PENDING:
            return AuthorizationPending("nobody has answered yet")
        if code.status is DeviceStatus.DENIED:
            return AccessDenied("the person said no")
        return self._open(tx, client, code)

    def _open(self, tx: Transaction, client: Client, code: DeviceCode) -> tuple[Account, Opened] | OAuthError:
        account = tx.accounts.locked(code.sub or "")
        if account is None or account.disabled:
            return AccessDenied("the account that said yes cannot be used")
        grant = _grant(account, client, code)
        if grant is None:
            return AccessDenied("this account may have nothing of what was asked for")
        if not tx.device_codes.use(code.digest):
            return InvalidGrant("this device code was used before")
        opened = self.issuing.open_session(
            tx, account, client, grant, methods=code.methods, auth_time=code.auth_time
        )
        return account, opened


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a person is asked: which client, and what it would get of their account."""

    code: DeviceCode
    client: Client
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnswerDevice:
    """The person's side. Only who is logged in types codes, and after five wrong ones each further has to wait."""

    store: Store
    clients: Clients
    now: Clock
    slows_down: bool = True

    def find(self, typed: str, who: SignedIn) -> DeviceRequest:
        """Find what a code stands for; raises UnknownUserCode, or TooManyTries without looking."""
        keys = _keys(who) if self.slows_down else {}
        with self.store.reading() as tx:
            kept = tx.slow_downs.get(tuple(keys)).values()
            blocked = max((failures.blocked_until for failures in kept), default=0.0) - self.now()
            found = None if blocked > 0 else self._pending(tx, typed, who.account)
        if blocked > 0:
            raise TooManyTries("there were too many wrong codes", retry_after=int(blocked) + 1)
        if found is None:
            self._count(keys)
            raise UnknownUserCode(_WRONG)
        return found

    def decide(self, typed: str, who: SignedIn, shown: frozenset[str] | None) -> DeviceRequest:
        """Say yes to what was shown, or no with None; raises UnknownUserCode or TooManyTries."""
        asked = self.find(typed, who)
        sub, allow = who.account.sub, shown is not None and bool(asked.scopes) and asked.scopes <= shown
        with self.store.transaction() as tx:
            decided = (
                tx.device_codes.approve(asked.code.digest, sub, who.session.methods, who.session.auth_time)
                if allow
                else tx.device_codes.deny(asked.code.digest, sub)
            )
            if not decided:
                raise UnknownUserCode(_WRONG)
            facts = {"scope": " ".join(sorted(asked.scopes))}
            tx.audit.record(
                AuditEvent(
                    Event.DEVICE_DECIDED,
                    OK if allow else REFUSED,
                    actor=sub,
                    subject=sub,
                    client_id=asked.client.client_id,
                    detail=facts,
                )
            )
        return asked

    def _pending(self, tx: Transaction, typed: str, account: Account) -> DeviceRequest | None:
        user_code = normal_user_code(typed)
        code = tx.device_codes.by_user_code(digest_of(user_code)) if user_code else None
        if code is None or code.status is not DeviceStatus.PENDING or self.now() >= code.expires_at:
            return None
        client = self.clients.get(code.client_id)
        if client is None or not client.enabled:
            return None
        grant = _grant(account, client, code)
        return DeviceRequest(code, client, grant.scopes if grant else frozenset())

    def _count(self, keys: dict[bytes, int]) -> None:
        now = self.now()
        with self.store.transaction() as tx:
            for key, free in keys.items():
                over = tx.slow_downs.count(key, now, LONGEST_BLOCK) - free
                if over >= 0:
                    tx.slow_downs.block(key, now + min(LONGEST_BLOCK, 30.0 * 2 ** min(over, 10)))


def _keys(who: SignedIn) -> dict[bytes, int]:
    """Give the keys that a wrong code counts under, and how many are free for each; behind loopback may be anybody."""
    network = network_of(current_origin().address)
    named = {("account", who.account.sub): 5}
    if network not in {"", "loopback"}:
        named["address", network] = 50  # many people may share one
    return {
        hashlib.sha256(f"device code by {kind} {name}".encode()).digest(): free
        for (kind, name), free in named.items()
    }


def _allowed(client: Client) -> None:
    if GrantType.DEVICE_CODE not in client.grants:
        raise UnauthorizedClient("this client is not registered for the device grant")


def _grant(account: Account, client: Client, code: DeviceCode) -> Grant | None:
    """Give what was asked for, as far as account and client may have it today; None when nothing is left."""
    scopes = code.scopes & client.scopes & (account_scopes(account) | OIDC_SCOPES)
    audiences = frozenset(code.audiences) & client.audiences
    return Grant(scopes, tuple(sorted(audiences))) if scopes and audiences else None
