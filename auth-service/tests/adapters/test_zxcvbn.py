"""Guessable passwords are refused, long and unusual ones accepted."""

import pytest
from auth_service.adapters.zxcvbn import weakness
from auth_service.domain.accounts.errors import InvalidPassword
from auth_service.domain.accounts.password import check_new_password
from hypothesis import given
from hypothesis import strategies as st

ALICE = ("alice.liddell@example.com", "Alice Liddell")


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "12345678",
        "qwertyuiop",
        "iloveyou1",
        "p4ssw0rd!!",
        "aaaaaaaaaaaa",
        "abcabcabc",
        "20001231",
        "a" * 1024,
        "alice.liddell@example.com",
        "liddell1",
        "AliceLiddell",
    ],
)
def test_guessable_password_is_refused(password):
    with pytest.raises(InvalidPassword, match="too easy to guess"):
        check_new_password(password, weakness, ALICE)


@pytest.mark.parametrize(
    "password",
    [
        "correct-horse-battery-staple",
        "another password",
        "xK3$vQ9!",
        "пароль из многих слов",
        "🦊🐻🐼🐨🐯🦁🐮🐷",
    ],
)
def test_hard_password_is_accepted(password):
    check_new_password(password, weakness, ALICE)


def test_demo_password_is_accepted():
    check_new_password("correct-horse-battery-staple", weakness, ALICE)


@given(st.text(min_size=8, max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_verdict_never_quotes_password(password, email, name):
    verdict = weakness(password, (email, name))

    assert verdict is None or password not in verdict


@pytest.mark.parametrize("password", ["12345678", "iloveyou1"])
def test_weak_password_over_http_is_refused(client, outbox, password):
    made = client.post("/accounts", json={"email": "dora@example.com", "password": password, "name": "Dora"})
    credentials = {"email": "alice@example.com", "password": "correct-horse-battery-staple"}
    token = client.post("/login", json=credentials).get_json()["access_token"]
    change = {"current_password": credentials["password"], "new_password": password}
    changed = client.post("/account/password", json=change, headers={"Authorization": f"Bearer {token}"})
    client.post("/password-resets", json={"email": "alice@example.com"})
    reset = client.post("/password-resets/redeem", json={"token": outbox.token, "new_password": password})

    for answer in (made, changed, reset):
        assert answer.status_code == 422
        assert answer.get_json()["type"] == "urn:touchstone:problem:invalid_password"
        assert password not in answer.text
    assert client.post("/login", json=credentials).status_code == 200
