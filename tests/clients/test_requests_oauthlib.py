"""requests-oauthlib's OAuth2Session, as its documentation shows it."""

import pytest
from oauthlib.oauth2 import InvalidGrantError, MismatchingStateError
from requests_oauthlib import OAuth2Session


@pytest.fixture
def program(callback):
    session = OAuth2Session(
        "cli", scope=["openid", "email", "orders:read"], redirect_uri=callback, pkce="S256"
    )
    session.trust_env = False
    yield session
    session.close()


@pytest.fixture
def redeem(discovered):
    def fetch(program, arrived):
        return program.fetch_token(
            discovered["token_endpoint"], authorization_response=arrived, include_client_id=True
        )

    return fetch


def test_it_logs_in_and_opens_the_api(program, redeem, surfer, discovered, gateway, alice):
    address, _ = program.authorization_url(discovered["authorization_endpoint"])

    token = redeem(program, surfer.arrive(address))

    assert sorted(token["scope"]) == ["email", "openid", "orders:read"]
    assert program.get(f"{gateway.url}/orders").status_code == 200
    assert program.get(discovered["userinfo_endpoint"]).json()["email"] == alice.email


def test_it_renews_its_token_by_itself(program, redeem, surfer, discovered, gateway):
    address, _ = program.authorization_url(discovered["authorization_endpoint"])
    first = redeem(program, surfer.arrive(address))
    program.auto_refresh_url = discovered["token_endpoint"]
    program.auto_refresh_kwargs = {"client_id": "cli"}
    program.token_updater = lambda token: setattr(program, "token", token)
    program.token = {**first, "expires_in": -10, "expires_at": 1}

    answer = program.get(f"{gateway.url}/orders")

    assert answer.status_code == 200
    assert program.token["refresh_token"] != first["refresh_token"]


def test_it_may_name_itself_in_an_authorization_header(program, surfer, discovered):
    address, _ = program.authorization_url(discovered["authorization_endpoint"])

    token = program.fetch_token(  # its own default: HTTP Basic with an empty password
        discovered["token_endpoint"], authorization_response=surfer.arrive(address)
    )

    assert token["token_type"] == "Bearer"


def test_a_code_is_good_once(program, redeem, surfer, discovered):
    address, _ = program.authorization_url(discovered["authorization_endpoint"])
    arrived = surfer.arrive(address)
    redeem(program, arrived)

    with pytest.raises(InvalidGrantError):
        redeem(program, arrived)


def test_it_is_not_answered_under_another_state(program, redeem, surfer, discovered):
    address, state = program.authorization_url(discovered["authorization_endpoint"])
    arrived = surfer.arrive(address).replace(state, "somebody-elses")

    with pytest.raises(MismatchingStateError):
        redeem(program, arrived)
