"""The routes of users-service."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_kit.database import Database
from users_service.storage.profiles import SqlProfiles

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def ada(tokens):
    return tokens.bearer("ada", "profile:read", "profile:write")


@pytest.fixture
def admin(tokens):
    return tokens.bearer("root", "profile:read", "users:read")


def test_first_read_creates_profile(client, ada):
    answer = client.get("/users/me", headers=ada)

    assert answer.status_code == 200
    assert answer.json == {
        "sub": "ada",
        "name": "",
        "shipping_address": None,
        "created_at": "2027-01-15T08:00:00Z",
        "updated_at": "2027-01-15T08:00:00Z",
    }


def test_first_read_copies_account_name(client, ada, names):
    names.names["ada"] = "Ada Lovelace"

    answer = client.get("/users/me", headers=ada)

    assert answer.json["name"] == "Ada Lovelace"
    assert "name_known" not in answer.json
    assert names.requested == [("ada", ada["Authorization"].removeprefix("Bearer "))]


def test_read_by_own_sub_copies_account_name(client, ada, names):
    names.names["ada"] = "Ada Lovelace"

    assert client.get("/users/ada", headers=ada).json["name"] == "Ada Lovelace"


def test_profile_is_not_cached(client, ada):
    assert client.get("/users/me", headers=ada).headers["Cache-Control"] == "no-store"


def test_patch_returns_and_keeps_profile(client, ada, clock):
    client.get("/users/me", headers=ada)
    clock.advance(1.5)

    changed = client.patch("/users/me", headers=ada, json={"name": "Ada", "shipping_address": "1 Assay Lane"})

    assert changed.status_code == 200
    assert changed.json["updated_at"] == "2027-01-15T08:00:01.500000Z"
    assert client.get("/users/me", headers=ada).json == changed.json


def test_patch_null_clears_address(client, ada):
    client.patch("/users/me", headers=ada, json={"shipping_address": "1 Assay Lane"})

    assert (
        client.patch("/users/me", headers=ada, json={"name": "Ada"}).json["shipping_address"]
        == "1 Assay Lane"
    )
    assert (
        client.patch("/users/me", headers=ada, json={"shipping_address": None}).json["shipping_address"]
        is None
    )


def test_patch_trims_text(client, ada):
    body = {"name": "\u3000Ada\u00a0Lovelace ", "shipping_address": " 1 Assay Lane\u00a0"}

    answer = client.patch("/users/me", headers=ada, json=body).json

    assert (answer["name"], answer["shipping_address"]) == ("Ada\u00a0Lovelace", "1 Assay Lane")


def test_patch_empty_is_accepted(client, ada):
    assert client.patch("/users/me", headers=ada, json={}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"sub": "eve"},
        {"name": "Ada", "role": "admin"},
        {"name": None},
        {"name": ""},
        {"name": "   "},
        {"name": 7},
        {"name": ["Ada"]},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"shipping_address": ""},
        {"shipping_address": "x" * 501},
        {"shipping_address": "a\x00b"},
        {"shipping_address": {"line1": "1 Assay Lane"}},
        [],
    ],
)
def test_patch_invalid_changes_nothing(client, ada, body):
    before = client.get("/users/me", headers=ada).json

    answer = client.patch("/users/me", headers=ada, json=body)

    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert client.get("/users/me", headers=ada).json == before


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/users/me", ["profile:write", "users:read"]),
        ("PATCH", "/users/me", ["profile:read", "users:read"]),
        ("GET", "/users", ["profile:read", "profile:write"]),
        ("GET", "/users/ada", ["profile:write"]),
        ("GET", "/users/bob", ["profile:read"]),
    ],
)
def test_missing_scope_is_forbidden(client, tokens, method, path, scopes):
    answer = client.open(path, method=method, headers=tokens.bearer("ada", *scopes), json={"name": "Ada"})

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users/me"), ("PATCH", "/users/me"), ("GET", "/users/ada"), ("GET", "/users?limit=0")],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer forged"}])
def test_invalid_token_is_refused_before_body_is_read(client, method, path, headers):
    answer = client.open(path, method=method, headers=headers, data=b"{")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_refusal_does_not_reveal_existing_profile(client, ada, tokens):
    client.get("/users/me", headers=tokens.bearer("bob", "profile:read"))

    there, missing = (client.get(f"/users/{sub}", headers=ada).json for sub in ("bob", "unknown"))

    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


def test_read_by_own_sub_equals_me(client, ada):
    assert client.get("/users/ada", headers=ada).json == client.get("/users/me", headers=ada).json


def test_read_other_with_scope(client, ada, admin):
    mine = client.get("/users/me", headers=ada).json

    assert client.get("/users/ada", headers=admin).json == mine


@pytest.mark.parametrize("sub", ["unknown", "a%00b", "%ff", "x" * 300, "%0a"])
def test_read_unknown_with_scope_is_not_found(client, admin, sub):
    answer = client.get(f"/users/{sub}", headers=admin)

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_list_default_limit_is_twenty(client, tokens, admin):
    for number in range(21):
        client.get("/users/me", headers=tokens.bearer(f"u{number:02}", "profile:read"))

    page = client.get("/users", headers=admin).json

    assert [p["sub"] for p in page["items"]] == [f"u{number:02}" for number in range(20)]
    rest = client.get("/users", headers=admin, query_string={"cursor": page["next_cursor"]}).json
    assert ([p["sub"] for p in rest["items"]], rest["next_cursor"]) == (["u20"], None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "page=2", "cursor=" + "x" * 513]
)
def test_list_invalid_query_is_unprocessable(client, admin, query):
    assert client.get(f"/users?{query}", headers=admin).status_code == 422


@pytest.mark.parametrize(
    "cursor", ["", "x", "e30", "WzFd", "WyIiXQ", "WyJcdTAwMDAiXQ", "%00", "%F0%9F%92%A9"]
)
def test_list_forged_cursor_is_bad_request(client, admin, cursor):
    answer = client.get(f"/users?cursor={cursor}", headers=admin)

    assert (answer.status_code, answer.json["type"]) == (400, "urn:touchstone:problem:bad_cursor")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users/me"), ("PATCH", "/users/me"), ("GET", "/users/bob"), ("GET", "/users")],
)
def test_unavailable_database_has_retry_after(app, tokens, break_database, method, path):
    headers = tokens.bearer("ada", "profile:read", "profile:write", "users:read")
    break_database(app.extensions["engine"])

    answer = app.test_client().open(path, method=method, headers=headers, json={"name": "Ada"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_ready_with_database_and_keys(client):
    assert client.get("/readyz").status_code == 200


def test_unready_without_issuer_keys(client, tokens):
    tokens.keys = False

    assert (client.get("/readyz").status_code, list(client.get("/readyz").json["reasons"])) == (
        503,
        ["issuer"],
    )


def test_unready_without_database(app, client, break_database):
    break_database(app.extensions["engine"])

    assert "database" in client.get("/readyz").json["reasons"]


def test_openapi_has_routes_scopes_and_problems(client):
    paths = client.get("/openapi.json").json["paths"]

    assert paths["/users/{sub}"]["get"]["security"] == [
        {"bearer": ["profile:read"]},
        {"bearer": ["users:read"]},
    ]
    assert set(paths["/users/me"]) == {"get", "patch"}
    assert {"200", "401", "403", "422", "503"} <= set(paths["/users/me"]["patch"]["responses"])


def test_patch_any_json_is_handled(client, ada):
    @settings(max_examples=60, deadline=None)
    @given(JSON | st.fixed_dictionaries({}, optional={"name": JSON, "shipping_address": JSON}))
    def attempt(body):
        answer = client.patch(
            "/users/me", headers=ada, data=json.dumps(body), content_type="application/json"
        )
        assert answer.status_code in {200, 400, 422}

    attempt()


def test_patch_any_bytes_are_handled(client, ada):
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200))
    def attempt(body):
        answer = client.patch("/users/me", headers=ada, data=body, content_type="application/json")
        assert answer.status_code in {200, 400, 422}

    attempt()


def test_list_has_each_profile_once(client, tokens, admin, app):
    stored = SqlProfiles(Database(app.extensions["engine"]))

    @settings(max_examples=15, deadline=None)
    @given(st.sets(st.text("aB9_é", min_size=1, max_size=4), max_size=12), st.integers(1, 5))
    def walk(subs, limit):
        for sub in subs:
            client.get("/users/me", headers=tokens.bearer(sub, "profile:read"))
        expected = {p.sub for p in stored.list_page(None, 10_000)}
        seen, query = [], {"limit": limit}
        while True:
            page = client.get("/users", headers=admin, query_string=query).json
            seen += [p["sub"] for p in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == sorted(expected)

    walk()
