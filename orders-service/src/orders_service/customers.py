"""Customers, as users-service tells of them: asked on the user's behalf, with an exchanged token."""

from typing import Final

from requests import Response
from service_kit.client import ServiceClient
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.oauth import TokenSource
from touchstone import strictjson

from orders_service.domain.errors import ProfileRefused, ProfilesUnavailable
from orders_service.domain.orders import Customer

AUDIENCE: Final = "users-service"
SCOPE: Final = "profile:read"
NAME_MAX: Final = 200
ADDRESS_MAX: Final = 500

# RFC 6749 section 5.2: the mint does not accept *us*; no customer can help that.
_OUR_FAULTS: Final = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_OK: Final = 200
_REFUSALS: Final = frozenset({401, 403})


class UsersServiceProfiles:
    """The domain's ``Profiles`` over HTTP (RFC 8693 token exchange, then ``GET /users/me``)."""

    def __init__(self, tokens: TokenSource, users: ServiceClient) -> None:
        self._tokens = tokens
        self._users = users

    def fetch(self, sub: str, subject_token: str) -> Customer:
        """Return the customer; raises ``ProfilesUnavailable`` or ``ProfileRefused``, nothing else."""
        try:
            token = self._tokens.exchange(subject_token, AUDIENCE, SCOPE)
            answer = self._users.get("/users/me", token=token)
        except UpstreamUnavailable as error:
            raise ProfilesUnavailable(error.retry_after) from error
        except ExchangeRefused as error:
            raise (ProfilesUnavailable() if error.error in _OUR_FAULTS else ProfileRefused()) from error
        if answer.status_code in _REFUSALS:
            raise ProfileRefused
        if answer.status_code != _OK:
            raise ProfilesUnavailable
        return _customer(answer, sub)


def _customer(answer: Response, sub: str) -> Customer:
    """Read the profile; one that is malformed, or another account's, is as good as none."""
    try:
        profile = strictjson.loads(answer.content)
    except ValueError as error:
        raise ProfilesUnavailable from error
    if not isinstance(profile, dict) or profile.get("sub") != sub:
        raise ProfilesUnavailable
    name, address = profile.get("name"), profile.get("shipping_address")
    if not isinstance(name, str) or len(name) > NAME_MAX or "\x00" in name:
        raise ProfilesUnavailable
    if address is not None and (
        not isinstance(address, str) or len(address) > ADDRESS_MAX or "\x00" in address
    ):
        raise ProfilesUnavailable
    return Customer(sub, name, address)
