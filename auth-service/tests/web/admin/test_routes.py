"""The administrators' routes over HTTP: who may, what is done, and that it is written down."""

import jwt
import pytest
from service_kit.web.pagination import encode_cursor

PASSWORD = "correct-horse-battery-staple"
ROUTES = [
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys/rotate"),
    ("DELETE", "/admin/keys/some"),
    ("GET", "/admin/sessions"),
    ("DELETE", "/admin/sessions/some"),
    ("POST", "/admin/accounts/some/disable"),
    ("POST", "/admin/accounts/some/enable"),
    ("GET", "/admin/audit"),
]


@pytest.fixture
def log_in(client):
    def log_in(name):
        answer = client.post("/login", json={"email": f"{name}@example.com", "password": PASSWORD}).get_json()
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        return {**claims, "bearer": bearer, "refresh_token": answer["refresh_token"]}

    return log_in


@pytest.fixture
def admin(log_in):
    return log_in("admin")


@pytest.fixture
def alice(log_in):
    return log_in("alice")


@pytest.fixture
def ask(client, admin):
    return lambda method, path, **more: client.open(
        path, method=method, **({"headers": admin["bearer"]} | more)
    )


@pytest.fixture
def events(app):
    """`events(kind)`: what the log holds of it, newest first."""

    def read(kind):
        from auth_service.domain.audit_log import AuditQuery
        from auth_service.storage.unit_of_work import SqlStore

        with SqlStore(app.extensions["engine"]).reading() as tx:
            return tx.audit.list_newest(AuditQuery(event=kind), 100)

    return read


ENDED = (  # by the session's row, or a moment later by its status
    "urn:touchstone:problem:session_over",
    "urn:touchstone:problem:revoked_token",
)


def refreshed(client, person):
    form = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
    return client.post("/oauth/token", data=form).status_code


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_nobody_comes_in(client, method, path):
    assert client.open(path, method=method).status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_token_without_the_scope_does_not_open(client, alice, method, path):
    answer = client.open(path, method=method, headers=alice["bearer"])

    assert (answer.status_code, answer.get_json()["type"]) == (
        403,
        "urn:touchstone:problem:insufficient_scope",
    )


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_good_token_of_an_ended_session_does_not_open(client, admin, method, path):
    client.post("/logout", headers=admin["bearer"])

    answer = client.open(path, method=method, headers=admin["bearer"])

    assert answer.status_code == 401
    assert answer.get_json()["type"] in ENDED


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_whose_role_was_taken_away_does_not_come_in_with_an_old_token(
    app, client, admin, events, method, path
):
    app.test_cli_runner().invoke(args=["accounts", "set-role", admin["sub"], "customer"])

    assert client.open(path, method=method, headers=admin["bearer"]).status_code == 403
    assert events("admin_refused")[0].event.actor == admin["sub"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_database_nobody_administers(client, admin, lose_database, app, method, path):
    lose_database(app)

    answer = client.open(path, method=method, headers=admin["bearer"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_the_keys_are_listed_with_their_states(ask):
    (key,) = ask("GET", "/admin/keys").get_json()["keys"]

    assert key["state"] == "current"
    assert key["created_at"].endswith("Z")
    assert key["signs_until"] is None


def test_a_rotation_adds_a_key_that_does_not_sign_yet(ask, admin, events):
    answer = ask("POST", "/admin/keys/rotate")

    assert answer.status_code == 201
    assert [key["state"] for key in ask("GET", "/admin/keys").get_json()["keys"]] == ["current", "next"]
    assert events("key_rotated")[0].event.actor == admin["sub"]
    assert events("key_rotated")[0].event.detail == answer.get_json()


def test_a_key_is_withdrawn_and_its_tokens_are_no_longer_good(ask, events):
    kid = ask("GET", "/admin/keys").get_json()["keys"][0]["kid"]

    assert ask("DELETE", f"/admin/keys/{kid}").status_code == 204
    assert events("key_withdrawn")[0].event.detail["kid"] == kid
    assert ask("GET", "/admin/keys").status_code == 401


def test_a_key_that_is_not_there_is_a_404_and_leaves_no_trace(ask, events):
    answer = ask("DELETE", "/admin/keys/none")

    assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:touchstone:problem:unknown_key")
    assert events("key_withdrawn") == []


def test_sessions_are_listed_in_pages_without_repeats(ask, log_in, alice):
    mine = {alice["sid"], *(log_in("alice")["sid"] for _ in range(4))}
    seen, cursor = [], None
    for _ in range(3):
        query = {"sub": alice["sub"], "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ask("GET", "/admin/sessions", query_string=query).get_json()
        seen += [item["sid"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert sorted(seen) == sorted(mine)


def test_a_session_shows_from_where_and_with_what_it_is_used(client, ask):
    told = {"User-Agent": "a-phone", "X-Forwarded-For": "203.0.113.7"}
    client.post("/login", json={"email": "bob@example.com", "password": PASSWORD}, headers=told)

    (bobs,) = [s for s in ask("GET", "/admin/sessions").get_json()["items"] if s["user_agent"] == "a-phone"]
    assert (bobs["address"], bobs["client_id"]) == ("203.0.113.7", "cli")
    assert bobs["last_used_at"].endswith("Z")


def test_without_a_subject_everybodys_sessions_are_listed(ask, admin, alice):
    listed = ask("GET", "/admin/sessions").get_json()["items"]

    assert {item["sub"] for item in listed} == {admin["sub"], alice["sub"]}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"cursor": "x"}, 400),
        ({"cursor": "WzFd"}, 400),
        ({"cursor": "x" * 600}, 422),
        ({"limit": 0}, 422),
        ({"limit": 101}, 422),
        ({"limit": "x"}, 422),
    ],
)
def test_a_page_that_is_not_there_is_refused(ask, query, status):
    assert ask("GET", "/admin/sessions", query_string=query).status_code == status


@pytest.mark.parametrize("cursor", ["WyJhIl0", "Wy0xXQ", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDBd"])
def test_a_cursor_of_another_kind_is_refused_by_the_log(ask, cursor):
    assert ask("GET", "/admin/audit", query_string={"cursor": cursor}).status_code == 400


def test_an_ended_session_is_over_and_the_log_says_by_whom(client, ask, admin, alice, events):
    assert ask("DELETE", f"/admin/sessions/{alice['sid']}").status_code == 204
    assert ask("DELETE", f"/admin/sessions/{alice['sid']}").status_code == 204

    assert refreshed(client, alice) == 400
    (ended,) = events("session_ended")
    assert (ended.event.actor, ended.event.subject, ended.event.detail) == (
        admin["sub"],
        alice["sub"],
        {"reason": "ended_by_admin"},
    )


def test_a_session_that_is_not_there_is_a_404(ask):
    answer = ask("DELETE", "/admin/sessions/none")

    assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:touchstone:problem:unknown_session")


def test_a_disabled_account_is_out_everywhere_until_it_is_enabled(client, ask, log_in, alice, events):
    other = log_in("alice")

    assert ask("POST", f"/admin/accounts/{alice['sub']}/disable").status_code == 204
    assert ask("POST", f"/admin/accounts/{alice['sub']}/disable").status_code == 204

    assert (refreshed(client, alice), refreshed(client, other)) == (400, 400)
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert client.post("/login", json=credentials).status_code == 401
    assert {e.event.detail["reason"] for e in events("session_ended")} == {"account_disabled"}
    assert len(events("account_disabled")) == 1

    assert ask("POST", f"/admin/accounts/{alice['sub']}/enable").status_code == 204
    assert ask("POST", f"/admin/accounts/{alice['sub']}/enable").status_code == 204
    assert client.post("/login", json=credentials).status_code == 200
    assert refreshed(client, alice) == 400
    assert len(events("account_enabled")) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/admin/keys/%00"),
        ("DELETE", "/admin/sessions/%00"),
        ("DELETE", "/admin/sessions/%C3%A9"),
        ("POST", "/admin/accounts/%00/disable"),
        ("POST", "/admin/accounts/a%20b/enable"),
        ("GET", "/admin/sessions?sub=%00"),
        ("GET", "/admin/audit?event=%00"),
        ("GET", f"/admin/sessions?sub={'x' * 256}"),
    ],
)
def test_what_can_name_nothing_is_refused_before_the_database_sees_it(ask, method, path):
    assert ask(method, path).status_code == 422


def test_a_cursor_with_what_no_name_holds_is_refused(ask):
    assert ask("GET", "/admin/sessions", query_string={"cursor": encode_cursor("\x00")}).status_code == 400


def test_an_administrator_cannot_disable_their_own_account(ask, admin):
    answer = ask("POST", f"/admin/accounts/{admin['sub']}/disable")

    assert (answer.status_code, answer.get_json()["type"]) == (409, "urn:touchstone:problem:own_account")


@pytest.mark.parametrize("what", ["disable", "enable"])
def test_an_account_that_is_not_there_is_a_404(ask, what):
    answer = ask("POST", f"/admin/accounts/none/{what}")

    assert (answer.status_code, answer.get_json()["type"]) == (404, "urn:touchstone:problem:unknown_account")


def test_the_log_says_from_where_and_in_which_request(client, ask, alice):
    headers = {"X-Request-ID": "the-request", "X-Forwarded-For": "203.0.113.7"}
    client.post("/login", json={"email": "bob@example.com", "password": "wrong"}, headers=headers)

    (line,) = ask("GET", "/admin/audit", query_string={"event": "logged_in", "limit": 1}).get_json()["items"]

    assert (line["outcome"], line["address"], line["request_id"]) == ("refused", "203.0.113.7", "the-request")
    assert "bob@example.com" not in str(line)


def test_an_address_that_a_stranger_claims_is_not_believed(client, ask):
    client.post(
        "/login",
        json={"email": "bob@example.com", "password": "wrong"},
        headers={"X-Forwarded-For": "203.0.113.7"},
        environ_base={"REMOTE_ADDR": "8.8.8.8"},
    )

    (line,) = ask("GET", "/admin/audit", query_string={"event": "logged_in", "limit": 1}).get_json()["items"]

    assert line["address"] == "8.8.8.8"


def test_the_log_is_read_in_pages_newest_first(ask, log_in):
    for _ in range(3):
        log_in("alice")
    first = ask("GET", "/admin/audit", query_string={"limit": 3}).get_json()
    second = ask(
        "GET", "/admin/audit", query_string={"limit": 100, "cursor": first["next_cursor"]}
    ).get_json()

    ids = [item["id"] for page in (first, second) for item in page["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids) > 3
    assert second["next_cursor"] is None


def test_no_answer_is_for_a_cache(ask):
    assert ask("GET", "/admin/audit").headers["Cache-Control"] == "no-store"
