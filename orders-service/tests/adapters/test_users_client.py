"""How a customer's profile is asked for: the exchange at the mint, then users-service, each as a real server."""

from contextlib import ExitStack

import pytest
from orders_service.adapters.users_client import UsersServiceProfiles
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
    """Start a server that gives these answers, each (status, body) or (status, body, headers)."""
    with ExitStack() as servers:
        yield lambda *answers: servers.enter_context(FakeUpstream(*(Answer(*each) for each in answers)))


@pytest.fixture
def ask(keys_dir, serve):
    """Ask for Ada's profile, of a mint and a users-service that answer like this."""

    def ask(mint=(200, GRANT), users=((200, PROFILE),)):
        assertion = ClientAssertion(
            "orders-service", keys_dir / "clients" / "orders-service.pem", "http://mint"
        )
        ask.mint, ask.users = serve(mint), serve(*users)
        client = ServiceClient(ask.mint.url, sleep=lambda _: None)
        tokens = TokenSource("/oauth/token", assertion, client, FakeClock())
        profiles = UsersServiceProfiles(tokens, ServiceClient(ask.users.url, sleep=lambda _: None))
        return profiles.fetch("ada", "subject")

    return ask


def test_the_customer_is_the_one_that_users_service_tells_of(ask):
    assert ask() == Customer("ada", "Ada", "1 Assay Lane")


def test_the_mint_is_asked_for_a_token_that_only_reads_the_profile(ask):
    ask()

    (request,) = ask.mint.received
    form = request.form()
    assert request.path == "/oauth/token"
    assert (form["subject_token"], form["audience"], form["scope"]) == (
        "subject",
        "users-service",
        "profile:read",
    )


def test_users_service_is_asked_with_the_exchanged_token(ask):
    ask()

    (request,) = ask.users.received
    assert (request.path, request.headers["Authorization"]) == ("/users/me", "Bearer exchanged")


def test_an_exchanged_token_that_is_refused_is_exchanged_anew_once(ask):
    assert ask(users=((401, {}), (200, PROFILE))).name == "Ada"

    assert len(ask.mint.received) == 2


def test_a_customer_without_an_address_is_fine(ask):
    assert ask(users=((200, PROFILE | {"shipping_address": None}),)).shipping_address is None


def test_a_mint_in_trouble_says_when_to_come_back(ask):
    with pytest.raises(ProfilesUnavailable) as unavailable:
        ask(mint=(503, {}, {"Retry-After": "7"}))

    assert unavailable.value.retry_after == 7


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "unsupported_grant_type"])
def test_a_mint_that_does_not_accept_this_service_is_not_the_customers_fault(ask, error):
    with pytest.raises(ProfilesUnavailable):
        ask(mint=(400, {"error": error}))


@pytest.mark.parametrize("error", ["invalid_request", "invalid_scope", "invalid_target", "invalid_grant"])
def test_a_mint_that_says_no_to_the_token_forbids_the_order(ask, error):
    with pytest.raises(ProfileRefused):
        ask(mint=(400, {"error": error}))

    assert ask.users.received == []


def test_a_users_service_that_says_no_to_the_token_forbids_the_order(ask):
    with pytest.raises(ProfileRefused):
        ask(users=((403, {}),))


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
def test_a_users_service_in_trouble_makes_the_order_wait(ask, status):
    with pytest.raises(ProfilesUnavailable):
        ask(users=((status, {}),))


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
def test_a_profile_that_is_none_makes_the_order_wait(ask, body):
    with pytest.raises(ProfilesUnavailable):
        ask(users=((200, body),))
