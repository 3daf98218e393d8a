"""The userinfo endpoint."""

import pytest

from ..helpers import claims_of


def test_id_token_is_not_an_access_token(sign_in, redeem, client):
    tokens = redeem(sign_in().location).get_json()

    for method, path in (("GET", "/oauth/userinfo"), ("POST", "/logout")):
        answer = client.open(path, method=method, headers={"Authorization": f"Bearer {tokens['id_token']}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("resource", ["auth-service", "orders-service"])
def test_userinfo_accepts_any_audience(sign_in, redeem, client, method, resource):
    tokens = redeem(sign_in(resource=resource).location).get_json()

    answer = client.open(
        "/oauth/userinfo", method=method, headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )

    assert claims_of(tokens["access_token"])["aud"] == resource
    assert answer.get_json().keys() == {"sub", "email", "email_verified"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
def openid_token(sign_in, redeem):
    return redeem(sign_in().location).get_json()["access_token"]


def test_userinfo_accepts_token_in_form(openid_token, client):
    answer = client.post("/oauth/userinfo", data={"access_token": openid_token})

    assert answer.status_code == 200
    assert answer.get_json()["email"] == "alice@example.com"


def test_userinfo_with_two_tokens_is_refused(openid_token, client):
    headers = {"Authorization": f"Bearer {openid_token}"}

    twice = client.post("/oauth/userinfo", data={"access_token": openid_token}, headers=headers)
    repeated = client.post("/oauth/userinfo", data={"access_token": [openid_token, openid_token]})

    for answer in (twice, repeated):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_userinfo_with_empty_form_reads_header(openid_token, client):
    headers = {"Authorization": f"Bearer {openid_token}"}

    answer = client.post("/oauth/userinfo", data={"access_token": "", "other": "x"}, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"method": "GET", "query_string": True},
        {"method": "POST", "query_string": True},
        {"method": "POST", "json": True},
        {"method": "POST", "data": True, "content_type": "multipart/form-data"},
        {"method": "GET", "data": True},
    ],
    ids=" ".join,
)
def test_userinfo_ignores_token_elsewhere(openid_token, client, sent):
    parts = {name: {"access_token": openid_token} if part is True else part for name, part in sent.items()}

    answer = client.open("/oauth/userinfo", **parts)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_userinfo_without_token_is_challenged(client):
    answer = client.get("/oauth/userinfo")

    assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")


def test_userinfo_with_invalid_token_is_401(client):
    answer = client.get("/oauth/userinfo", headers={"Authorization": "Bearer nonsense"})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_userinfo_without_openid_is_forbidden(sign_in, redeem, client):
    token = redeem(sign_in(scope="email").location).get_json()["access_token"]

    answer = client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 403
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]
