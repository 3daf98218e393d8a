"""ID token hints whose key has been removed, and long states."""

from urllib.parse import urlencode

import pytest
from testkit.oauth_clients import parameters_of
from testkit.token_signer import kid_of

AGE_SECONDS = 1000  # longer than a retired key is published


@pytest.fixture
def app(customer, native_app):
    return native_app(customer)


@pytest.fixture
def remove_key(breakable, client_at):
    """`remove_key(kid)`: rotate and prune, as if long ago, and restart auth-service."""

    def rotate(kid):
        breakable.cli("auth-service", "keys", "rotate")
        for file in (breakable.keys_dir / "signing").glob("*.pem"):
            made, _, rest = file.name.partition("-")
            file.rename(file.with_name(f"{int(made) - AGE_SECONDS}-{rest}"))
        breakable.cli("auth-service", "keys", "prune")
        breakable.stop_service("auth-service")
        breakable.start_service("auth-service")
        jwks = client_at(breakable.gateway)("GET", "/.well-known/jwks.json").json()
        assert kid not in {key["kid"] for key in jwks["keys"]}

    return rotate


def test_hint_with_removed_key_names_session(breakable, app, remove_key):
    tokens = app.log_in()
    hint = {"id_token_hint": tokens["id_token"]}
    remove_key(kid_of(tokens["id_token"]))

    assert "code" in app.authorize(prompt="none", **hint)

    page = app.browser.get(f"{breakable.gateway}/oauth/logout?{urlencode(hint)}")
    assert "Logged out" in page.text
    assert app.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("state", ["/" * 7000, "s" * 6900 + "%20%22%3C%C3%BC%0A%25"])
def test_long_state_is_returned(app, state):
    url = f"{app.authorization_url(state=None)}&state={state}"
    sent = parameters_of(url)["state"]

    logged_in = parameters_of(app.browser.authorize(url))
    refused = parameters_of(app.browser.authorize(f"{url}&scope=twice"))

    assert logged_in["state"] == refused["state"] == sent
    assert "error" in refused
