"""Log-in by JSON and through the pages."""

import pytest
from testkit.oauth_clients import parameters_of

from .helpers import ALICE, CALLBACK, PASSWORD, REQUEST, VERIFIER, fields_of


@pytest.fixture
def log_in(client):
    """`log_in(email, headers, **more)`: the token response of POST /login."""

    def log_in(email="alice@example.com", headers=None, **more):
        return client.post("/login", json=ALICE | {"email": email} | more, headers=headers).get_json()

    return log_in


@pytest.fixture
def authorize(client):
    """`authorize(request, **changes)`: open the authorization endpoint."""
    return lambda request=REQUEST, **changes: client.get("/oauth/authorize", query_string=request | changes)


@pytest.fixture
def submit(client):
    """`submit(page, path, **fields)`: submit the form of a page."""

    def post(page, path="/oauth/authorize", headers=None, **fields):
        return client.post(path, data=fields_of(page) | fields, headers=headers)

    return post


@pytest.fixture
def sign_in(authorize, submit):
    """`sign_in(request, email, password, **changes)`: open the authorization endpoint and log in."""

    def enter(request=REQUEST, email="alice@example.com", password=PASSWORD, **changes):
        return submit(authorize(request, **changes), email=email, password=password)

    return enter


@pytest.fixture
def redeem(client):
    """`redeem(location, **changes)`: the token response for the code in a redirect."""

    def post(location, **changes):
        form = {
            "grant_type": "authorization_code",
            "client_id": "cli",
            "redirect_uri": CALLBACK,
            "code": parameters_of(location)["code"],
            "code_verifier": VERIFIER,
        }
        return client.post("/oauth/token", data=form | changes)

    return post
