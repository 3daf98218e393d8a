"""The client of users-service against real HTTP servers, of auth-service and users-service."""

from contextlib import ExitStack

import pytest
from orders_service.adapters.users_client import UsersServiceCustomers
from orders_service.domain.customer import Customer
from orders_service.domain.errors import ProfileRefused, ProfilesUnavailable
from service_kit.http_client.oauth_client import ClientAssertion, TokenSource
from service_kit.http_client.service_client import ServiceClient
from testkit.clock import FakeClock
from testkit.upstream import Answer, FakeUpstream

GRANT = {"access_token": "exchanged", "token_type": "Bearer", "expires_in": 300}
PROFILE = {"sub": "ada", "name": "Ada", "shipping_address": "1 Assay Lane"}


@pytest.fixture
def serve():
    """Start a server with these responses, each (status, body) or (status, body, headers)."""
    with ExitStack() as servers:
        yield lambda *answers: servers.enter_context(FakeUpstream(*(Answer(*each) for each in answers)))


@pytest.fixture
def get_customer(keys_dir, serve):
    """Return Ada as a customer, where auth-service and users-service respond like this."""

    def get_customer(auth=(200, GRANT), users=((200, PROFILE),)):
        assertion = ClientAssertion(
            "orders-service", keys_dir / "clients" / "orders-service.pem", "http://auth"
        )
        get_customer.auth, get_customer.users = serve(auth), serve(*users)
        client = ServiceClient(get_customer.auth.url, sleep=lambda _: None)
        tokens = TokenSource("/oauth/token", assertion, client, FakeClock())
        customers = UsersServiceCustomers(tokens, ServiceClient(get_customer.users.url, sleep=lambda _: None))
        return customers.get("ada", "subject")

    return get_customer


def test_customer_is_read_from_users_service(get_customer):
    assert get_customer() == Customer("ada", "Ada", "1 Assay Lane")


def test_exchange_requests_profile_scope_only(get_customer):
    get_customer()

    (request,) = get_customer.auth.received
    form = request.form()
    assert request.path == "/oauth/token"
    assert (form["subject_token"], form["audience"], form["scope"]) == (
        "subject",
        "users-service",
        "profile:read",
    )


def test_profile_is_requested_with_exchanged_token(get_customer):
    get_customer()

    (request,) = get_customer.users.received
    assert (request.path, request.headers["Authorization"]) == ("/users/me", "Bearer exchanged")


def test_refused_token_is_exchanged_once_more(get_customer):
    assert get_customer(users=((401, {}), (200, PROFILE))).name == "Ada"

    assert len(get_customer.auth.received) == 2


def test_customer_without_address(get_customer):
    assert get_customer(users=((200, PROFILE | {"shipping_address": None}),)).shipping_address is None


def test_unavailable_auth_service_has_retry_after(get_customer):
    with pytest.raises(ProfilesUnavailable) as unavailable:
        get_customer(auth=(503, {}, {"Retry-After": "7"}))

    assert unavailable.value.retry_after == 7


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "unsupported_grant_type"])
def test_refused_client_makes_profile_unavailable(get_customer, error):
    with pytest.raises(ProfilesUnavailable):
        get_customer(auth=(400, {"error": error}))


@pytest.mark.parametrize("error", ["invalid_request", "invalid_scope", "invalid_target", "invalid_grant"])
def test_refused_exchange_is_profile_refused(get_customer, error):
    with pytest.raises(ProfileRefused):
        get_customer(auth=(400, {"error": error}))

    assert get_customer.users.received == []


def test_forbidden_profile_is_profile_refused(get_customer):
    with pytest.raises(ProfileRefused):
        get_customer(users=((403, {}),))


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
def test_failing_users_service_makes_profile_unavailable(get_customer, status):
    with pytest.raises(ProfilesUnavailable):
        get_customer(users=((status, {}),))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"sub": "ada", "sub": "ada", "name": "", "shipping_address": null}',
        [],
        {},
        PROFILE | {"sub": "eve"},
        PROFILE | {"name": None},
        PROFILE | {"name": "x" * 201},
        PROFILE | {"name": "a\x00b"},
        PROFILE | {"name": "\ud800"},
        PROFILE | {"shipping_address": 7},
        PROFILE | {"shipping_address": "x" * 501},
        PROFILE | {"shipping_address": "a\x00b"},
    ],
)
def test_malformed_profile_is_unavailable(get_customer, body):
    with pytest.raises(ProfilesUnavailable):
        get_customer(users=((200, body),))
