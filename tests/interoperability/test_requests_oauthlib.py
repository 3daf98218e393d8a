"""requests-oauthlib's OAuth2Session, as its documentation shows it."""

import pytest
from oauthlib.oauth2 import InvalidGrantError, MismatchingStateError
from requests_oauthlib import OAuth2Session
from testkit.oauth_clients import CALLBACK


@pytest.fixture
def session():
    session = OAuth2Session(
        "cli", scope=["openid", "email", "orders:read"], redirect_uri=CALLBACK, pkce="S256"
    )
    session.trust_env = False
    yield session
    session.close()


@pytest.fixture
def redeem(metadata):
    def fetch(session, arrived):
        return session.fetch_token(
            metadata["token_endpoint"], authorization_response=arrived, include_client_id=True
        )

    return fetch


def test_log_in_opens_api(session, redeem, browser, metadata, gateway, alice):
    address, _ = session.authorization_url(metadata["authorization_endpoint"])

    token = redeem(session, browser.authorize(address))

    assert sorted(token["scope"]) == ["email", "openid", "orders:read"]
    assert session.get(f"{gateway.url}/orders").status_code == 200
    assert session.get(metadata["userinfo_endpoint"]).json()["email"] == alice.email


def test_expired_token_is_refreshed(session, redeem, browser, metadata, gateway):
    address, _ = session.authorization_url(metadata["authorization_endpoint"])
    first = redeem(session, browser.authorize(address))
    session.auto_refresh_url = metadata["token_endpoint"]
    session.auto_refresh_kwargs = {"client_id": "cli"}
    session.token_updater = lambda token: setattr(session, "token", token)
    session.token = {**first, "expires_in": -10, "expires_at": 1}

    answer = session.get(f"{gateway.url}/orders")

    assert answer.status_code == 200
    assert session.token["refresh_token"] != first["refresh_token"]


def test_client_id_in_authorization_header_is_accepted(session, browser, metadata):
    address, _ = session.authorization_url(metadata["authorization_endpoint"])

    token = session.fetch_token(  # its own default: HTTP Basic with an empty password
        metadata["token_endpoint"], authorization_response=browser.authorize(address)
    )

    assert token["token_type"] == "Bearer"


def test_code_is_single_use(session, redeem, browser, metadata):
    address, _ = session.authorization_url(metadata["authorization_endpoint"])
    arrived = browser.authorize(address)
    redeem(session, arrived)

    with pytest.raises(InvalidGrantError):
        redeem(session, arrived)


def test_other_state_is_refused(session, redeem, browser, metadata):
    address, state = session.authorization_url(metadata["authorization_endpoint"])
    arrived = browser.authorize(address).replace(state, "another")

    with pytest.raises(MismatchingStateError):
        redeem(session, arrived)
