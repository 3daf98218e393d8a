"""Log-out that a client requests."""

import pytest
from testkit.oauth_clients import parameters_of

from ..helpers import refresh
from .helpers import UNREADABLE, unreadable


def test_logout_redirects_to_private_use_scheme(client):
    query = {"client_id": "app", "post_logout_redirect_uri": "com.example.app://", "state": "s"}

    answer = client.get("/oauth/logout", query_string=query)

    assert answer.headers["Location"] == "com.example.app://?state=s"


def test_logout_asks_first(sign_in, redeem, submit, client, authorize):
    tokens = redeem(sign_in().location).get_json()
    page = client.get("/oauth/logout")
    assert (page.status_code, "alice@example.com" in page.text) == (200, True)
    assert refresh(client, tokens).status_code == 200

    tokens = redeem(authorize().location).get_json()
    answer = submit(page, "/oauth/logout")

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400
    assert authorize().status_code == 200


def test_logout_with_id_token_does_not_ask(sign_in, redeem, client):
    tokens = redeem(sign_in().location).get_json()

    answer = client.get("/oauth/logout", query_string={"id_token_hint": tokens["id_token"]})

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400
    assert client.get_cookie("touchstone_login") is None


def test_access_token_is_no_logout_hint(sign_in, redeem, client):
    tokens = redeem(sign_in().location).get_json()

    page = client.get("/oauth/logout", query_string={"id_token_hint": tokens["access_token"]})

    assert "Log out?" in page.text
    assert refresh(client, tokens).status_code == 200


def test_logout_returns_to_client(sign_in, submit, client):
    sign_in()
    query = {"client_id": "partner", "post_logout_redirect_uri": "https://partner.example/bye", "state": "x"}
    page = client.get("/oauth/logout", query_string=query)

    answer = submit(page, "/oauth/logout")

    assert "form-action 'self' https://partner.example/bye;" in page.headers["Content-Security-Policy"]
    assert (answer.status_code, answer.location) == (303, "https://partner.example/bye?state=x")


def test_logout_to_unknown_uri_ends_nothing(sign_in, client, authorize):
    sign_in()
    query = {"client_id": "partner", "post_logout_redirect_uri": "https://evil.example/"}

    assert client.get("/oauth/logout", query_string=query).status_code == 400
    assert authorize().status_code == 303


def test_logout_form_of_other_site_is_refused(sign_in, client, authorize):
    sign_in()

    answer = client.post("/oauth/logout", data={"_form": "1800000000." + "A" * 43, "_request": ""})

    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert authorize().status_code == 303


def test_logout_hint_outlives_key_rotations(sign_in, redeem, client, rotate_twice):
    tokens = redeem(sign_in().location).get_json()
    rotate_twice()

    answer = client.get("/oauth/logout", query_string={"id_token_hint": tokens["id_token"]})

    assert "Logged out" in answer.text
    assert refresh(client, tokens).status_code == 400


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_logout_hint_asks_first(app, sign_in, redeem, client, submit, kind):
    tokens = redeem(sign_in().location).get_json()
    query = {"id_token_hint": unreadable(kind, tokens["id_token"], app), "client_id": "partner"}
    query |= {"post_logout_redirect_uri": "https://partner.example/bye", "state": "x" * 3000 + "/&=+ %"}

    page = client.get("/oauth/logout", query_string=query)
    assert "Log out?" in page.text
    assert refresh(client, tokens).status_code == 200

    assert parameters_of(submit(page, "/oauth/logout").location) == {"state": query["state"]}


def test_unreadable_hint_without_client_id_stays(sign_in, redeem, client, submit):
    tokens = redeem(sign_in().location).get_json()
    query = {"id_token_hint": "garbage", "post_logout_redirect_uri": "https://partner.example/bye"}

    page = client.get("/oauth/logout", query_string=query)
    answer = submit(page, "/oauth/logout")

    assert ("Log out?" in page.text, answer.location, "Logged out" in answer.text) == (True, None, True)
    assert refresh(client, tokens).status_code == 400
