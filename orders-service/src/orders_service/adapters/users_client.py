"""Customers, as users-service tells of them: asked on the user's behalf, with an exchanged token."""

from typing import Final

from requests import Response
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.http_client.oauth_client import TokenSource
from service_kit.http_client.service_client import ServiceClient
from touchstone import strictjson

from orders_service.domain.customer import ADDRESS_MAX, CUSTOMER_NAME_MAX, Customer
from orders_service.domain.errors import ProfileRefused, ProfilesUnavailable
from orders_service.domain.order import is_text

AUDIENCE: Final = "users-service"
SCOPE: Final = "profile:read"

# RFC 6749 section 5.2: the mint does not accept *us*; no customer can help that.
_OUR_FAULTS: Final = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403


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
            if answer.status_code == _UNAUTHORIZED:  # the caller's own token was good here: ours is stale
                token = self._tokens.exchange(subject_token, AUDIENCE, SCOPE, instead_of=token)
                answer = self._users.get("/users/me", token=token)
        except UpstreamUnavailable as error:
            raise ProfilesUnavailable(error.retry_after) from error
        except ExchangeRefused as error:
            raise (ProfilesUnavailable() if error.error in _OUR_FAULTS else ProfileRefused()) from error
        if answer.status_code == _FORBIDDEN:
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
    if is_text(name, CUSTOMER_NAME_MAX) and (address is None or is_text(address, ADDRESS_MAX)):
        return Customer(sub, name, address)
    raise ProfilesUnavailable
