"""The client of users-service: customers' profiles, read on the user's behalf with an exchanged token."""

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

# RFC 6749 section 5.2: auth-service refuses this service; the customer cannot help it.
_CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403


class UsersServiceCustomers:
    """`Customers` over HTTP: token exchange (RFC 8693), then `GET /users/me`."""

    def __init__(self, tokens: TokenSource, users: ServiceClient) -> None:
        self._tokens = tokens
        self._users = users

    def get(self, sub: str, token: str) -> Customer:
        """Return the customer; raise `ProfilesUnavailable` or `ProfileRefused`, nothing else."""
        try:
            exchanged = self._tokens.exchange(token, AUDIENCE, SCOPE)
            response = self._users.get("/users/me", token=exchanged)
            if (
                response.status_code == _UNAUTHORIZED
            ):  # the caller's token is valid here: the cached one is stale
                exchanged = self._tokens.exchange(token, AUDIENCE, SCOPE, instead_of=exchanged)
                response = self._users.get("/users/me", token=exchanged)
        except UpstreamUnavailable as error:
            raise ProfilesUnavailable(error.retry_after) from error
        except ExchangeRefused as error:
            raise (ProfilesUnavailable() if error.error in _CLIENT_ERRORS else ProfileRefused()) from error
        if response.status_code == _FORBIDDEN:
            raise ProfileRefused
        if response.status_code != _OK:
            raise ProfilesUnavailable
        return _customer(response, sub)


def _customer(response: Response, sub: str) -> Customer:
    """Return the customer; raise `ProfilesUnavailable` if the profile is malformed or another account's."""
    try:
        profile = strictjson.loads(response.content)
    except ValueError as error:
        raise ProfilesUnavailable from error
    if not isinstance(profile, dict) or profile.get("sub") != sub:
        raise ProfilesUnavailable
    name, address = profile.get("name"), profile.get("shipping_address")
    if is_text(name, CUSTOMER_NAME_MAX) and (address is None or is_text(address, ADDRESS_MAX)):
        return Customer(sub, name, address)
    raise ProfilesUnavailable
