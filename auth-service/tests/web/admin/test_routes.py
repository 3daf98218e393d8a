"""The routes for administrators: access, effects and audit entries."""

import pytest
from service_kit.web.pagination import encode_cursor

from ..helpers import PASSWORD, refresh, slug_of

ROUTES = [
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys/rotate"),
    ("DELETE", "/admin/keys/some"),
    ("GET", "/admin/sessions"),
    ("DELETE", "/admin/sessions/some"),
    ("POST", "/admin/accounts/some/disable"),
    ("POST", "/admin/accounts/some/enable"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/audiences"),
    ("POST", "/admin/audiences"),
    ("DELETE", "/admin/audiences/some"),
    ("GET", "/admin/roles"),
    ("POST", "/admin/roles"),
    ("PUT", "/admin/roles/some/scopes"),
    ("DELETE", "/admin/roles/some"),
    ("GET", "/admin/clients"),
    ("POST", "/admin/clients"),
    ("GET", "/admin/clients/some"),
    ("PATCH", "/admin/clients/some"),
    ("POST", "/admin/clients/some/disable"),
    ("POST", "/admin/clients/some/enable"),
    ("POST", "/admin/clients/some/rotate-secret"),
]


ENDED = ("session_over", "revoked_token")  # by the session's row, or a moment later by its status


def answers(client, headers=None):
    """Return the answer of every route to these headers."""
    return {f"{method} {path}": client.open(path, method=method, headers=headers) for method, path in ROUTES}


def refused_with(status):
    return {f"{method} {path}": status for method, path in ROUTES}


def test_admin_routes_need_token(client):
    assert {route: a.status_code for route, a in answers(client).items()} == refused_with(401)


def test_admin_routes_need_admin_scope(client, alice):
    refused = answers(client, alice["bearer"])

    assert {route: a.status_code for route, a in refused.items()} == refused_with(403)
    assert {slug_of(a) for a in refused.values()} == {"insufficient_scope"}


def test_ended_session_is_refused(client, admin):
    client.post("/logout", headers=admin["bearer"])

    refused = answers(client, admin["bearer"])

    assert {route: a.status_code for route, a in refused.items()} == refused_with(401)
    assert {slug_of(a) for a in refused.values()} <= set(ENDED)


def test_removed_role_is_refused_at_once(app, client, admin, events):
    app.test_cli_runner().invoke(args=["accounts", "set-role", admin["sub"], "customer"])

    refused = answers(client, admin["bearer"])

    assert {route: a.status_code for route, a in refused.items()} == refused_with(403)
    assert [event.actor for event in events("admin_refused")] == [admin["sub"]] * len(ROUTES)


def test_admin_without_database_is_503(client, admin, lose_database, app):
    lose_database(app)

    refused = answers(client, admin["bearer"])

    assert {route: a.status_code for route, a in refused.items()} == refused_with(503)
    assert {a.headers["Retry-After"] for a in refused.values()} == {"1"}


def test_keys_are_listed_with_states(send):
    (key,) = send("GET", "/admin/keys").get_json()["keys"]

    assert key["state"] == "current"
    assert key["created_at"].endswith("Z")
    assert key["signs_until"] is None


def test_rotation_adds_next_key(send, admin, events):
    answer = send("POST", "/admin/keys/rotate")

    assert answer.status_code == 201
    assert [key["state"] for key in send("GET", "/admin/keys").get_json()["keys"]] == ["current", "next"]
    assert events("key_rotated")[0].actor == admin["sub"]
    assert events("key_rotated")[0].detail == answer.get_json()


def test_withdrawn_key_invalidates_tokens(send, events):
    kid = send("GET", "/admin/keys").get_json()["keys"][0]["kid"]

    assert send("DELETE", f"/admin/keys/{kid}").status_code == 204
    assert events("key_withdrawn")[0].detail["kid"] == kid
    assert send("GET", "/admin/keys").status_code == 401


def test_unknown_key_is_404_without_audit(send, events):
    answer = send("DELETE", "/admin/keys/none")

    assert (answer.status_code, slug_of(answer)) == (404, "unknown_key")
    assert events("key_withdrawn") == []


def test_sessions_are_paginated(send, log_in, alice):
    mine = {alice["sid"], *(log_in("alice")["sid"] for _ in range(4))}
    seen, cursor = [], None
    for _ in range(3):
        query = {"sub": alice["sub"], "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = send("GET", "/admin/sessions", query_string=query).get_json()
        seen += [item["sid"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert sorted(seen) == sorted(mine)


def test_session_shows_address_and_user_agent(client, send):
    headers = {"User-Agent": "a-phone", "X-Forwarded-For": "203.0.113.7"}
    client.post("/login", json={"email": "bob@example.com", "password": PASSWORD}, headers=headers)

    (bobs,) = [s for s in send("GET", "/admin/sessions").get_json()["items"] if s["user_agent"] == "a-phone"]
    assert (bobs["address"], bobs["client_id"]) == ("203.0.113.7", "cli")
    assert bobs["last_used_at"].endswith("Z")


def test_sessions_of_all_accounts_are_listed(send, admin, alice):
    listed = send("GET", "/admin/sessions").get_json()["items"]

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
def test_invalid_page_is_refused(send, query, status):
    assert send("GET", "/admin/sessions", query_string=query).status_code == status


@pytest.mark.parametrize("cursor", ["WyJhIl0", "Wy0xXQ", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDBd"])
def test_audit_refuses_other_cursor(send, cursor):
    assert send("GET", "/admin/audit", query_string={"cursor": cursor}).status_code == 400


def test_ended_session_is_audited_with_actor(client, send, admin, alice, events):
    assert send("DELETE", f"/admin/sessions/{alice['sid']}").status_code == 204
    assert send("DELETE", f"/admin/sessions/{alice['sid']}").status_code == 204

    assert refresh(client, alice).status_code == 400
    (ended,) = events("session_ended")
    assert (ended.actor, ended.subject, ended.detail) == (
        admin["sub"],
        alice["sub"],
        {"reason": "ended_by_admin"},
    )


def test_unknown_session_is_404(send):
    answer = send("DELETE", "/admin/sessions/none")

    assert (answer.status_code, slug_of(answer)) == (404, "unknown_session")


def test_disabled_account_is_out_until_enabled(client, send, log_in, alice, events):
    other = log_in("alice")

    assert send("POST", f"/admin/accounts/{alice['sub']}/disable").status_code == 204
    assert send("POST", f"/admin/accounts/{alice['sub']}/disable").status_code == 204

    assert {refresh(client, each).status_code for each in (alice, other)} == {400}
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert client.post("/login", json=credentials).status_code == 401
    assert {e.detail["reason"] for e in events("session_ended")} == {"account_disabled"}
    assert len(events("account_disabled")) == 1

    assert send("POST", f"/admin/accounts/{alice['sub']}/enable").status_code == 204
    assert send("POST", f"/admin/accounts/{alice['sub']}/enable").status_code == 204
    assert client.post("/login", json=credentials).status_code == 200
    assert refresh(client, alice).status_code == 400
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
def test_invalid_id_is_422(send, method, path):
    assert send(method, path).status_code == 422


def test_cursor_with_invalid_id_is_refused(send):
    assert send("GET", "/admin/sessions", query_string={"cursor": encode_cursor("\x00")}).status_code == 400


def test_admin_cannot_disable_own_account(send, admin):
    answer = send("POST", f"/admin/accounts/{admin['sub']}/disable")

    assert (answer.status_code, slug_of(answer)) == (409, "own_account")


@pytest.mark.parametrize("what", ["disable", "enable"])
def test_unknown_account_is_404(send, what):
    answer = send("POST", f"/admin/accounts/none/{what}")

    assert (answer.status_code, slug_of(answer)) == (404, "unknown_account")


def test_audit_shows_address_and_request_id(client, send, alice):
    headers = {"X-Request-ID": "the-request", "X-Forwarded-For": "203.0.113.7"}
    client.post("/login", json={"email": "bob@example.com", "password": "wrong"}, headers=headers)

    (line,) = send("GET", "/admin/audit", query_string={"event": "logged_in", "limit": 1}).get_json()["items"]

    assert (line["outcome"], line["address"], line["request_id"]) == ("refused", "203.0.113.7", "the-request")
    assert "bob@example.com" not in str(line)


@pytest.mark.parametrize("peer", ["8.8.8.8", "127.0.0.2", "10.0.0.1", "::1"])
def test_untrusted_peer_cannot_forward_address(client, send, peer):
    client.post(
        "/login",
        json={"email": "bob@example.com", "password": "wrong"},
        headers={"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"},
        environ_base={"REMOTE_ADDR": peer},
    )

    (line,) = send("GET", "/admin/audit", query_string={"event": "logged_in", "limit": 1}).get_json()["items"]

    assert line["address"] == peer


def test_audit_shows_right_most_forwarded_address(client, send):
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7:4711, ::ffff:127.0.0.1"}
    client.post("/login", json={"email": "bob@example.com", "password": "wrong"}, headers=headers)

    (line,) = send("GET", "/admin/audit", query_string={"event": "logged_in", "limit": 1}).get_json()["items"]

    assert line["address"] == "203.0.113.7"


def test_ambiguous_client_is_400(client):
    headers = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.8"}
    answer = client.post("/login", json={}, headers=headers)

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert "X-Forwarded-For and Forwarded" in answer.get_json()["detail"]


def test_audit_is_paginated_newest_first(send, log_in):
    for _ in range(3):
        log_in("alice")
    first = send("GET", "/admin/audit", query_string={"limit": 3}).get_json()
    second = send(
        "GET", "/admin/audit", query_string={"limit": 100, "cursor": first["next_cursor"]}
    ).get_json()

    ids = [item["id"] for page in (first, second) for item in page["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids) > 3
    assert second["next_cursor"] is None


def test_admin_responses_are_not_cached(send):
    assert send("GET", "/admin/audit").headers["Cache-Control"] == "no-store"
