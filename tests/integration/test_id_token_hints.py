"""What a browser brings back long after a log-in: ID tokens of keys that are gone, and long states."""

from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

LONG_AGO = 1000  # seconds: far longer than an expired key is published


@pytest.fixture
def app(customer, native_app):
    return native_app(customer)


@pytest.fixture
def rotated_away(breakable, client_at):
    """`rotated_away(kid)`: rotate, as if long ago; the key is removed, and the mint has started anew."""

    def rotate(kid):
        breakable.cli("auth-service", "keys", "rotate")
        for file in (breakable.keys_dir / "signing").glob("*.pem"):
            made, _, rest = file.name.partition("-")
            file.rename(file.with_name(f"{int(made) - LONG_AGO}-{rest}"))
        breakable.cli("auth-service", "keys", "prune")
        breakable.stop_service("auth-service")
        breakable.start_service("auth-service")
        jwks = client_at(breakable.gateway)("GET", "/.well-known/jwks.json").json()
        assert kid not in {key["kid"] for key in jwks["keys"]}

    return rotate


def test_hint_with_removed_key_names_session(breakable, app, rotated_away):
    tokens = app.log_in()
    hint = {"id_token_hint": tokens["id_token"]}
    rotated_away(jwt.get_unverified_header(tokens["id_token"])["kid"])

    assert "code" in app.authorize(prompt="none", **hint)

    page = app.browser.get(f"{breakable.gateway}/oauth/logout?{urlencode(hint)}")
    assert "Logged out" in page.text
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}
    assert app.server("POST", "/oauth/token", data=form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("state", ["/" * 7000, "s" * 6900 + "%20%22%3C%C3%BC%0A%25"])
def test_long_state_is_returned(app, state):
    url = f"{app.authorization_url(state=None)}&state={state}"
    sent = parse_qs(urlsplit(url).query)["state"]

    logged_in = app.browser.authorize(url)
    refused = app.browser.authorize(f"{url}&scope=twice")

    assert parse_qs(urlsplit(logged_in).query)["state"] == sent
    assert parse_qs(urlsplit(refused).query)["state"] == sent
    assert "error" in parse_qs(urlsplit(refused).query)
