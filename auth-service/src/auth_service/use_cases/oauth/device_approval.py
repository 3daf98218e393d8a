"""The user's side of a device authorization (RFC 8628 section 3.3): the user code, and the decision."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.audit_log import OK, REFUSED, AuditEvent, EventType
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Client, Clients
from auth_service.domain.oauth.device_code import (
    DeviceCode,
    DeviceStatus,
    grant_for_device,
    normalise_user_code,
)
from auth_service.domain.oauth.errors import TooManyTries, UnknownUserCode
from auth_service.domain.opaque_tokens import digest_of
from auth_service.domain.request_context import current_origin, network_of
from auth_service.domain.sessions.browser_session import BrowserUser
from auth_service.domain.unit_of_work import Store, Transaction

MAX_BLOCK_SECONDS = 600.0
_WRONG = "this code is wrong or has expired"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What the user is asked to allow: a client and its scopes, with a description of each."""

    code: DeviceCode
    client: Client
    scopes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeviceApproval:
    """Finds and decides device authorizations for users who are logged in.

    After five wrong codes of an account each further one has to wait (RFC 8628 section 5.1).
    """

    store: Store
    clients: Clients
    now: Clock
    throttled: bool = True

    def find(self, typed: str, user: BrowserUser) -> DeviceRequest:
        """Return the pending request with this user code; raise UnknownUserCode, or TooManyTries without a lookup."""
        keys = _keys(user) if self.throttled else {}
        with self.store.reading() as tx:
            counts = tx.failed_logins.find(tuple(keys)).values()
            blocked = max((failures.blocked_until for failures in counts), default=0.0) - self.now()
            found = None if blocked > 0 else self._pending(tx, typed, user.account)
        if blocked > 0:
            raise TooManyTries("too many wrong codes", retry_after=int(blocked) + 1)
        if found is None:
            self._count(keys)
            raise UnknownUserCode(_WRONG)
        return found

    def decide(self, typed: str, user: BrowserUser, shown: frozenset[str] | None) -> DeviceRequest:
        """Allow the scopes shown, or deny with None; raise UnknownUserCode or TooManyTries."""
        request = self.find(typed, user)
        sub, allow = (
            user.account.sub,
            shown is not None and bool(request.scopes) and request.scopes.keys() <= shown,
        )
        with self.store.transaction() as tx:
            decided = (
                tx.device_codes.approve(
                    request.code.digest, sub, user.session.methods, user.session.auth_time
                )
                if allow
                else tx.device_codes.deny(request.code.digest, sub)
            )
            if not decided:
                raise UnknownUserCode(_WRONG)
            facts = {"scope": " ".join(sorted(request.scopes))}
            tx.audit.record(
                AuditEvent(
                    EventType.DEVICE_DECIDED,
                    OK if allow else REFUSED,
                    actor=sub,
                    subject=sub,
                    client_id=request.client.client_id,
                    detail=facts,
                )
            )
        return request

    def _pending(self, tx: Transaction, typed: str, account: Account) -> DeviceRequest | None:
        user_code = normalise_user_code(typed)
        code = tx.device_codes.find_by_user_code(digest_of(user_code)) if user_code else None
        if code is None or code.status is not DeviceStatus.PENDING or self.now() >= code.expires_at:
            return None
        client = self.clients.get(code.client_id)
        if client is None or not client.enabled:
            return None
        registry = tx.registry.get()
        grant = grant_for_device(registry, account, client, code)
        return DeviceRequest(code, client, registry.describe(grant.scopes if grant else ()))

    def _count(self, keys: dict[bytes, int]) -> None:
        now = self.now()
        with self.store.transaction() as tx:
            for key, free in keys.items():
                over = tx.failed_logins.add_failure(key, now, MAX_BLOCK_SECONDS) - free
                if over >= 0:
                    tx.failed_logins.block(key, now + min(MAX_BLOCK_SECONDS, 30.0 * 2 ** min(over, 10)))


def _keys(user: BrowserUser) -> dict[bytes, int]:
    """Return the keys that a wrong code counts under, and how many are free for each; loopback is not counted."""
    network = network_of(current_origin().address)
    named = {("account", user.account.sub): 5}
    if network not in {"", "loopback"}:
        named["address", network] = 50  # many users can share one
    return {
        hashlib.sha256(f"device code by {kind} {name}".encode()).digest(): free
        for (kind, name), free in named.items()
    }
