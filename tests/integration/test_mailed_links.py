"""Magic links, password resets and the user's own sessions, through the gateway."""

import pytest
import requests
from testkit.token_signer import claims_of
from testkit.user import mailed_token


@pytest.fixture
def session(gateway):
    """A client that keeps cookies."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_magic_link_needs_cookie_of_asker(gateway, session, new_user, mail_folder):
    user = new_user()
    requested = session.post(f"{gateway.url}/magic-links", json={"email": user.email}, timeout=10)
    token = mailed_token(mail_folder, user.email, path="/magic-links/redeem")

    stolen = gateway("POST", "/magic-links/redeem", json={"token": token})
    opened = gateway("GET", f"/magic-links/redeem?token={token}")
    answer = session.post(f"{gateway.url}/magic-links/redeem", json={"token": token}, timeout=10)

    assert requested.status_code == 202
    assert stolen.status_code == 400
    assert (opened.status_code, opened.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert answer.status_code == 200, answer.text
    assert gateway("GET", "/orders", token=answer.json()["access_token"]).status_code == 200
    assert claims_of(answer.json()["access_token"])["sub"]


def test_magic_link_takes_binding_without_cookie(gateway, new_user, mail_folder):
    user = new_user()
    answer = gateway("POST", "/magic-links", json={"email": user.email}, headers={"Cookie": ""})
    binding = answer.json()["binding"]
    token = mailed_token(mail_folder, user.email, path="/magic-links/redeem")

    with requests.Session() as other:
        other.trust_env = False
        body = {"token": token, "binding": binding}
        answers = [
            other.post(f"{gateway.url}/magic-links/redeem", json=body, timeout=10).status_code
            for _ in range(2)
        ]

    assert answers == [200, 401]


def test_password_reset_ends_every_session(gateway, new_user, mail_folder):
    user = new_user()
    before = user.log_in()
    assert gateway("POST", "/password-resets", json={"email": user.email}).status_code == 202
    token = mailed_token(mail_folder, user.email, path="/password-resets/redeem")

    body = {"token": token, "new_password": "several unrelated words"}
    assert gateway("POST", "/password-resets/redeem", json=body).status_code == 204

    assert user.refresh(before["refresh_token"]).status_code == 400
    user.password = body["new_password"]
    assert user.log_in()


def test_user_ends_one_of_own_sessions(gateway, new_user):
    user = new_user()
    here, there = user.log_in(), user.log_in()
    items = gateway("GET", "/account/sessions", token=here["access_token"]).json()["items"]
    other = next(item for item in items if not item["current"])

    answer = gateway("DELETE", f"/account/sessions/{other['sid']}", token=here["access_token"])

    assert answer.status_code == 204
    assert {item["address"] for item in items} == {"127.0.0.1"}
    assert items[0]["user_agent"].startswith("python-requests")
    assert gateway("GET", "/account/sessions", token=there["access_token"]).status_code == 401
