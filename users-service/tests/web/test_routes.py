"""The routes of users-service."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_the_first_look_makes_the_profile(client, ada):
    answer = client.get("/users/me", headers=ada)

    assert answer.status_code == 200
    assert answer.json == {
        "sub": "ada",
        "name": "",
        "shipping_address": None,
        "created_at": "2027-01-15T08:00:00Z",
        "updated_at": "2027-01-15T08:00:00Z",
    }


def test_the_first_look_names_the_profile_after_the_account(client, ada, names):
    names.names["ada"] = "Ada Lovelace"

    answer = client.get("/users/me", headers=ada)

    assert answer.json["name"] == "Ada Lovelace"
    assert "name_known" not in answer.json
    assert names.asked == [("ada", ada["Authorization"].removeprefix("Bearer "))]


def test_ones_own_profile_by_its_sub_has_the_name_too(client, ada, names):
    names.names["ada"] = "Ada Lovelace"

    assert client.get("/users/ada", headers=ada).json["name"] == "Ada Lovelace"


def test_a_profile_is_private_to_every_cache(client, ada):
    assert client.get("/users/me", headers=ada).headers["Cache-Control"] == "no-store"


def test_a_change_is_answered_with_the_profile_and_kept(client, ada, clock):
    client.get("/users/me", headers=ada)
    clock.advance(1.5)

    changed = client.patch("/users/me", headers=ada, json={"name": "Ada", "shipping_address": "1 Assay Lane"})

    assert changed.status_code == 200
    assert changed.json["updated_at"] == "2027-01-15T08:00:01.500000Z"
    assert client.get("/users/me", headers=ada).json == changed.json


def test_an_address_is_cleared_by_null_and_kept_by_silence(client, ada):
    client.patch("/users/me", headers=ada, json={"shipping_address": "1 Assay Lane"})

    assert (
        client.patch("/users/me", headers=ada, json={"name": "Ada"}).json["shipping_address"]
        == "1 Assay Lane"
    )
    assert (
        client.patch("/users/me", headers=ada, json={"shipping_address": None}).json["shipping_address"]
        is None
    )


def test_text_loses_the_blanks_around_it(client, ada):
    body = {"name": "\u3000Ada\u00a0Lovelace ", "shipping_address": " 1 Assay Lane\u00a0"}

    answer = client.patch("/users/me", headers=ada, json=body).json

    assert (answer["name"], answer["shipping_address"]) == ("Ada\u00a0Lovelace", "1 Assay Lane")


def test_an_empty_change_is_fine(client, ada):
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
def test_a_change_that_breaks_a_rule_is_unprocessable_and_changes_nothing(client, ada, body):
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
def test_every_route_takes_its_scope(client, tokens, method, path, scopes):
    answer = client.open(path, method=method, headers=tokens.bearer("ada", *scopes), json={"name": "Ada"})

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users/me"), ("PATCH", "/users/me"), ("GET", "/users/ada"), ("GET", "/users?limit=0")],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer forged"}])
def test_without_a_good_token_nothing_else_of_the_request_matters(client, method, path, headers):
    answer = client.open(path, method=method, headers=headers, data=b"{")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_refusal_does_not_tell_whether_anothers_profile_exists(client, ada, tokens):
    client.get("/users/me", headers=tokens.bearer("bob", "profile:read"))

    there, nowhere = (client.get(f"/users/{sub}", headers=ada).json for sub in ("bob", "nobody"))

    assert {**there, "request_id": ""} == {**nowhere, "request_id": ""}


def test_ones_own_profile_is_the_same_by_sub(client, ada):
    assert client.get("/users/ada", headers=ada).json == client.get("/users/me", headers=ada).json


def test_who_reads_all_reads_any_profile(client, ada, admin):
    mine = client.get("/users/me", headers=ada).json

    assert client.get("/users/ada", headers=admin).json == mine


@pytest.mark.parametrize("sub", ["nobody", "a%00b", "%ff", "x" * 300, "%0a"])
def test_who_reads_all_is_told_that_there_is_none(client, admin, sub):
    answer = client.get(f"/users/{sub}", headers=admin)

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_list_without_a_limit_has_twenty(client, tokens, admin):
    for number in range(21):
        client.get("/users/me", headers=tokens.bearer(f"u{number:02}", "profile:read"))

    page = client.get("/users", headers=admin).json

    assert [p["sub"] for p in page["items"]] == [f"u{number:02}" for number in range(20)]
    rest = client.get("/users", headers=admin, query_string={"cursor": page["next_cursor"]}).json
    assert ([p["sub"] for p in rest["items"]], rest["next_cursor"]) == (["u20"], None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "page=2", "cursor=" + "x" * 513]
)
def test_a_query_that_breaks_a_rule_is_unprocessable(client, admin, query):
    assert client.get(f"/users?{query}", headers=admin).status_code == 422


@pytest.mark.parametrize(
    "cursor", ["", "x", "e30", "WzFd", "WyIiXQ", "WyJcdTAwMDAiXQ", "%00", "%F0%9F%92%A9"]
)
def test_a_cursor_that_is_not_ours_is_a_bad_request(client, admin, cursor):
    answer = client.get(f"/users?cursor={cursor}", headers=admin)

    assert (answer.status_code, answer.json["type"]) == (400, "urn:touchstone:problem:bad_cursor")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/users/me"), ("PATCH", "/users/me"), ("GET", "/users/bob"), ("GET", "/users")],
)
def test_a_database_out_of_reach_says_when_to_come_back(make_app, memory, tokens, method, path):
    memory.down = True
    headers = tokens.bearer("ada", "profile:read", "profile:write", "users:read")

    answer = (
        make_app(profiles=memory)
        .test_client()
        .open(path, method=method, headers=headers, json={"name": "Ada"})
    )

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_it_is_ready_with_database_and_keys(client):
    assert client.get("/readyz").status_code == 200


def test_it_is_not_ready_without_the_issuers_keys(client, tokens):
    tokens.keys = False

    assert (client.get("/readyz").status_code, list(client.get("/readyz").json["reasons"])) == (
        503,
        ["issuer"],
    )


def test_it_is_not_ready_without_its_database(app, client, tmp_path):
    app.extensions["database"].engine.dispose()
    for left in tmp_path.glob("users.db-*"):
        left.unlink()
    (tmp_path / "users.db").write_bytes(b"no database at all" * 100)

    assert "database" in client.get("/readyz").json["reasons"]


def test_the_document_names_routes_scopes_and_problems(client):
    paths = client.get("/openapi.json").json["paths"]

    assert paths["/users/{sub}"]["get"]["security"] == [
        {"bearer": ["profile:read"]},
        {"bearer": ["users:read"]},
    ]
    assert set(paths["/users/me"]) == {"get", "patch"}
    assert {"200", "401", "403", "422", "503"} <= set(paths["/users/me"]["patch"]["responses"])


def test_no_body_whatever_brings_the_service_down(client, ada):
    @settings(max_examples=60, deadline=None)
    @given(JSON | st.fixed_dictionaries({}, optional={"name": JSON, "shipping_address": JSON}))
    def attempt(body):
        answer = client.patch(
            "/users/me", headers=ada, data=json.dumps(body), content_type="application/json"
        )
        assert answer.status_code in {200, 400, 422}

    attempt()


def test_no_bytes_whatever_bring_the_service_down(client, ada):
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200))
    def attempt(body):
        answer = client.patch("/users/me", headers=ada, data=body, content_type="application/json")
        assert answer.status_code in {200, 400, 422}

    attempt()


def test_every_profile_is_on_exactly_one_page(client, tokens, admin, app):
    @settings(max_examples=15, deadline=None)
    @given(st.sets(st.text("aB9_é", min_size=1, max_size=4), max_size=12), st.integers(1, 5))
    def walk(subs, limit):
        for sub in subs:
            client.get("/users/me", headers=tokens.bearer(sub, "profile:read"))
        expected = {p.sub for p in app.extensions["users_service"].page(None, 10_000)[0]}
        seen, query = [], {"limit": limit}
        while True:
            page = client.get("/users", headers=admin, query_string=query).json
            seen += [p["sub"] for p in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == sorted(expected)

    walk()
