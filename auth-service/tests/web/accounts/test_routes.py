"""Accounts, log-in, log-out and passwords over HTTP."""

import json

import pytest
from sqlalchemy import text

from ..helpers import ALICE, PASSWORD, bearer, claims_of, refresh


def test_login_returns_uncached_oauth_response(client):
    answer = client.post("/login", json=ALICE)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.get_json()) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert answer.get_json()["token_type"] == "Bearer"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "typed", [" alice@example.com ", "\talice@example.com", "\u00a0Alice@example.com\u00a0"]
)
def test_login_ignores_blanks_around_address(client, typed):
    assert client.post("/login", json=ALICE | {"email": typed}).status_code == 200


def test_registration_strips_address(client):
    body = {"email": "\u00a0 carol@example.com\t", "password": PASSWORD, "name": "Carol"}

    assert client.post("/accounts", json=body).status_code == 201
    assert client.post("/login", json=ALICE | {"email": "carol@example.com"}).status_code == 200


@pytest.mark.parametrize(
    "credentials",
    [
        {"email": "alice@example.com", "password": "wrong"},
        {"email": "unknown@example.com", "password": "wrong"},
        {"email": "no address", "password": "wrong"},
        {"email": "alice@example.com", "password": ""},
        {"email": "alice@example.com", "password": "x" * 5000},
    ],
)
def test_refused_logins_look_alike(client, credentials):
    answer = client.post("/login", json=credentials)

    body = answer.get_json()
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="touchstone"'
    assert body.pop("request_id")
    assert body == {
        "type": "urn:touchstone:problem:bad_credentials",
        "title": "The email address or the password is wrong",
        "status": 401,
        "detail": "the email address or the password is wrong",
    }


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"scope": 'a "b"'}, 400, "invalid_scope"),
        ({"scope": "nothing known"}, 400, "invalid_scope"),
        ({"resource": "elsewhere"}, 400, "invalid_target"),
        ({"audience": ["orders-service", "elsewhere"]}, 400, "invalid_target"),
        ({"client_id": "unknown"}, 401, "invalid_client"),
    ],
)
def test_login_beyond_limits_is_oauth_error(client, more, status, error):
    answer = client.post("/login", json=ALICE | more)

    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_login_ignores_unknown_scopes(client):
    answer = client.post("/login", json=ALICE | {"scope": " openid  offline_access orders:read "})

    assert answer.get_json()["scope"] == "openid orders:read"


@pytest.mark.parametrize(
    "body", [{}, [], {"email": 1, "password": 2}, {"email": None, "password": None}, {"email": "a"}]
)
def test_malformed_login_is_422(client, body):
    assert client.post("/login", json=body).status_code == 422


@pytest.mark.parametrize("path", ["/login", "/accounts"])
def test_busy_hasher_is_429_with_retry_after(client, hasher, path):
    hasher.busy = True

    answer = client.post(path, json=ALICE | {"name": "Alice"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.get_json()["type"] == "urn:touchstone:problem:too_busy"


def test_login_without_database_is_503(app, client, tmp_path):
    app.extensions["engine"].dispose()
    for file in tmp_path.glob("auth.db*"):
        file.unlink()
    (tmp_path / "auth.db").mkdir()

    answer = client.post("/login", json=ALICE)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    assert client.get("/.well-known/jwks.json").status_code == 200


def test_existing_address_looks_like_new_one(client, hasher):
    answers, work = [], []
    for address in ("new@example.com", "alice@example.com", "ALICE@example.com"):
        hasher.work.clear()
        answers.append(
            client.post("/accounts", json={"email": address, "password": "a new password", "name": "N"})
        )
        work.append(list(hasher.work))

    def shape(answer):
        headers = {name for name, _ in answer.headers}
        return answer.status_code, headers, answer.content_length, set(answer.get_json())

    assert shape(answers[0]) == shape(answers[1]) == shape(answers[2])
    assert answers[0].status_code == 201
    assert work == [["hash"]] * 3
    assert len({answer.get_json()["sub"] for answer in answers}) == 3


def test_existing_address_keeps_password(client):
    client.post("/accounts", json={"email": "alice@example.com", "password": "of mallory", "name": "M"})

    assert client.post("/login", json=ALICE | {"password": "of mallory"}).status_code == 401
    assert client.post("/login", json=ALICE).status_code == 200


def test_new_account_can_log_in(client):
    body = {"email": "Dora@Example.com", "password": "pässword", "name": "Dora"}
    assert client.post("/accounts", json=body).status_code == 201

    assert (
        client.post("/login", json={"email": "dora@example.com", "password": "pässword"}).status_code == 200
    )


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"email": "nowhere"}, "invalid_email"),
        ({"password": "short"}, "invalid_password"),
        ({"password": "x" * 1025}, "invalid_password"),
        ({"name": " "}, "invalid_name"),
        ({"name": "a\u0001b"}, "invalid_name"),
        ({"email": 1}, "invalid_request"),
        ({"name": None}, "invalid_request"),
    ],
)
def test_invalid_registration_is_422(client, change, slug):
    body = {"email": "dora@example.com", "password": "a new password", "name": "Dora"} | change

    answer = client.post("/accounts", json=body)

    assert (answer.status_code, answer.get_json()["type"]) == (422, f"urn:touchstone:problem:{slug}")


def test_logout_ends_this_session_and_repeats(client, log_in):
    here, there = log_in(), log_in()

    answer, again = (client.post("/logout", headers=bearer(here)) for _ in range(2))

    assert (answer.status_code, answer.data) == (204, b"")
    assert again.status_code in {204, 401}  # 401 as soon as this process knows that the token is revoked
    assert refresh(client, here).get_json()["error"] == "invalid_grant"
    assert refresh(client, there).status_code == 200


@pytest.mark.parametrize(("body", "status"), [(None, 200), ({}, 200), ({"browser_session": True}, 400)])
def test_logout_ends_browser_session_on_request(client, log_in, sign_in, redeem, authorize, body, status):
    here, there = (redeem(answer).get_json() for answer in (sign_in().location, authorize().location))
    apart = log_in()

    assert client.post("/logout", json=body, headers=bearer(here)).status_code == 204

    assert refresh(client, here).status_code == 400
    assert refresh(client, there).status_code == status
    assert refresh(client, apart).status_code == 200
    assert (
        authorize(prompt="none").location.partition("?")[2].startswith("code=" if status == 200 else "error=")
    )


def test_logout_without_browser_session_ends_own(client, log_in):
    here = log_in()

    answer = client.post("/logout", json={"browser_session": True}, headers=bearer(here))

    assert answer.status_code == 204
    assert refresh(client, here).status_code == 400


@pytest.mark.parametrize("sent", [{"json": {"browser_session": "x"}}, {"data": "{"}, {"json": []}])
def test_malformed_logout_ends_nothing(client, log_in, sent):
    here = log_in()

    assert client.post("/logout", headers=bearer(here), **sent).status_code in {415, 422}
    assert refresh(client, here).status_code == 200


def test_logout_everywhere_ends_all_sessions(client, log_in):
    here, there = log_in(), log_in(client_id="console")

    assert client.post("/logout/all", headers=bearer(here)).status_code == 204

    assert {refresh(client, each).status_code for each in (here, there)} == {400}


def test_password_change_ends_other_sessions(client, log_in):
    here, there = log_in(), log_in()
    change = {"current_password": PASSWORD, "new_password": "another password"}

    assert client.post("/account/password", json=change, headers=bearer(here)).status_code == 204

    assert client.post("/login", json=ALICE).status_code == 401
    assert client.post("/login", json=ALICE | {"password": "another password"}).status_code == 200
    assert refresh(client, here).status_code == 200
    assert refresh(client, there).status_code == 400


def test_wrong_current_password_is_forbidden(client, log_in):
    change = {"current_password": "wrong", "new_password": "another password"}

    answer = client.post("/account/password", json=change, headers=bearer(log_in()))

    assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:touchstone:problem:wrong_password")


def test_ended_session_cannot_change_password(client, log_in):
    here = log_in()
    client.post("/logout", headers=bearer(here))

    change = {"current_password": PASSWORD, "new_password": "another password"}
    answer = client.post("/account/password", json=change, headers=bearer(here))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize("path", ["/logout", "/logout/all", "/account/password"])
def test_invalid_token_is_401_before_body_is_read(client, log_in, path):
    other = log_in(resource="orders-service")
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, bearer(other), {"Authorization": "Basic YTpi"}):
        answer = client.post(path, data="{", headers=headers)
        assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_secrets_are_not_logged(make_app, capsys):
    app = make_app(log_level="DEBUG")
    client = app.test_client()
    answer = client.post("/login", json=ALICE).get_json()
    client.post("/login", json=ALICE | {"password": "a wrong password"})
    again = refresh(client, answer).get_json()
    refresh(client, {"refresh_token": "a made-up refresh token"})
    client.post("/oauth/revoke", data={"token": again["refresh_token"], "client_id": "cli"})
    client.post("/accounts", json={"email": "dora@example.com", "password": "pässword of Dora", "name": "D"})

    log = capsys.readouterr().out
    assert all(json.loads(line) for line in log.splitlines())
    tokens = [each[name] for each in (answer, again) for name in ("access_token", "refresh_token")]
    for secret in (PASSWORD, "a wrong password", "made-up", "of Dora", "PRIVATE KEY", *tokens):
        assert secret not in log


def test_refresh_tokens_are_stored_hashed(app, client):
    answer = client.post("/login", json=ALICE).get_json()
    successor = refresh(client, answer).get_json()["refresh_token"]

    with app.extensions["engine"].connect() as connection:
        kept = repr(connection.execute(text("SELECT * FROM refresh_tokens")).all())
    assert answer["refresh_token"] not in kept
    assert successor not in kept
    assert len(kept) > 100


def test_demo_is_seeded_once(make_app):
    first, second = make_app(), make_app()

    with second.extensions["engine"].connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar() == 3
    assert first.test_client().post("/login", json=ALICE).status_code == 200


def test_no_accounts_without_demo(make_app):
    assert make_app(demo=False).test_client().post("/login", json=ALICE).status_code == 401


@pytest.mark.parametrize("address", ["alice", "bob", "admin"])
def test_account_name_of_demo_account(client, log_in, address):
    tokens = log_in(email=f"{address}@example.com", resource="users-service")

    answer = client.get("/account/name", headers=bearer(tokens))

    assert answer.status_code == 200
    assert answer.get_json()["name"] == f"{address.capitalize()} Example"
    assert answer.headers["Cache-Control"] == "no-store"


def test_account_name_needs_profile_scope(client, log_in):
    other = client.get("/account/name", headers=bearer(log_in(scope="orders:read")))
    none = client.get("/account/name")

    assert (other.status_code, none.status_code) == (403, 401)
    assert 'scope="profile:read"' in other.headers["WWW-Authenticate"]


@pytest.mark.parametrize("address", ["alice", "admin"])
def test_account_shows_address_and_name(client, log_in, address):
    tokens = log_in(email=f"{address}@example.com")

    answer = client.get("/account", headers=bearer(tokens))

    assert answer.status_code == 200
    assert answer.get_json() == {
        "sub": claims_of(tokens["access_token"])["sub"],
        "name": f"{address.capitalize()} Example",
        "email": f"{address}@example.com",
        "email_verified": True,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_account_tells_unverified_address(client, log_in):
    client.post("/accounts", json={"email": "dora@example.com", "password": PASSWORD, "name": "Dora"})

    assert (
        client.get("/account", headers=bearer(log_in("dora@example.com"))).get_json()["email_verified"]
        is False
    )


def test_account_needs_token_for_auth_service(client, log_in):
    other, over = log_in(resource="users-service"), log_in()
    client.post("/logout", headers=bearer(over))

    answers = [client.get("/account", headers=headers) for headers in ({}, bearer(other), bearer(over))]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
