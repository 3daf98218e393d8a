"""The device authorization endpoint (RFC 8628 section 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from auth_service.domain.clock import Clock
from auth_service.domain.oauth.client import Client, GrantType, check_grant
from auth_service.domain.oauth.device_code import DEVICE_CODE_SECONDS, POLL_INTERVAL_SECONDS, DeviceCode
from auth_service.domain.oauth.registry import OIDC_SCOPES
from auth_service.domain.oauth.scopes import narrow_audiences, narrow_scopes
from auth_service.domain.opaque_tokens import digest_of, new_token, new_typed_code
from auth_service.domain.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationResponse:
    """The response: a code to poll with, and one to show to the user (RFC 8628 section 3.2)."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    expires_in: int = DEVICE_CODE_SECONDS
    interval: int = POLL_INTERVAL_SECONDS


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """Starts device authorizations."""

    store: Store
    now: Clock

    def __call__(
        self, client: Client, scopes: frozenset[str] | None, audiences: Iterable[str]
    ) -> DeviceAuthorizationResponse:
        """Start one; raise UnauthorizedClient, InvalidScope or InvalidTarget."""
        check_grant(client, GrantType.DEVICE_CODE)
        with self.store.reading() as tx:
            known = tx.registry.get().known(scopes)
        wanted = narrow_scopes(
            known, client.scopes if known is not None else client.scopes - OIDC_SCOPES.keys()
        )
        targets = narrow_audiences(audiences, client.audiences)
        now, device_code = self.now(), new_token()
        while True:  # a taken user code is rare: there are 25 thousand million
            user_code = new_typed_code()
            code = DeviceCode(
                digest_of(device_code),
                digest_of(user_code),
                client.client_id,
                wanted,
                targets,
                expires_at=now + DEVICE_CODE_SECONDS,
                next_poll_at=now,
            )
            with self.store.transaction() as tx:
                if tx.device_codes.add(code):
                    return DeviceAuthorizationResponse(device_code, user_code)
