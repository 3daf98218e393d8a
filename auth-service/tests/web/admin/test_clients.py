"""The routes of clients."""

import pytest

from ..helpers import PASSWORD, refresh, slug_of

SHOP = {
    "client_id": "shop",
    "name": "Some shop",
    "confidential": True,
    "grants": ["client_credentials"],
    "audiences": ["users-service"],
    "own_scopes": ["users:read"],
}


@pytest.fixture
def shop(send):
    """A registered client with a secret: the response."""
    answer = send("POST", "/admin/clients", json=SHOP | {"with_secret": True})
    assert answer.status_code == 201, answer.text
    return answer.get_json()


@pytest.fixture
def token_for(client):
    """`token_for(secret)`: the status of a request for the shop's own token."""
    form = {"grant_type": "client_credentials", "client_id": "shop"}
    return lambda secret: client.post("/oauth/token", data={**form, "client_secret": secret}).status_code


def test_clients_of_files_are_listed(send):
    listed = send("GET", "/admin/clients").get_json()["clients"]

    assert [each["client_id"] for each in listed] == sorted(each["client_id"] for each in listed)
    cli = send("GET", "/admin/clients/cli").get_json()
    assert cli in listed
    assert (cli["authenticates"], cli["audiences"], cli["first_party"]) == ("none", ["*"], True)


def test_client_secret_is_answered_once(send, shop, token_for, admin, events):
    secret = shop.pop("client_secret")

    assert token_for(secret) == 200
    assert send("GET", "/admin/clients/shop").get_json() == shop
    assert shop["authenticates"] == "client_secret"
    (made,) = events("client_registered")
    assert made.actor == admin["sub"]
    assert secret not in str(made)


def test_client_without_secret_uses_key(send):
    made = send("POST", "/admin/clients", json=SHOP).get_json()

    assert (made["authenticates"], made["client_secret"]) == ("private_key_jwt", None)


def test_public_client_is_registered(send):
    app = {
        "client_id": "app",
        "grants": ["authorization_code"],
        "redirect_uris": ["https://app.example/back"],
    }

    made = send("POST", "/admin/clients", json=app).get_json()

    assert (made["name"], made["authenticates"], made["first_party"]) == ("app", "none", False)
    assert made["redirect_uris"] == app["redirect_uris"]


def test_changed_client_keeps_the_rest(send, shop, token_for, admin, events):
    answer = send("PATCH", "/admin/clients/shop", json={"name": "Shop", "audiences": ["orders-service"]})

    secret = shop.pop("client_secret")
    assert answer.get_json() == shop | {"name": "Shop", "audiences": ["orders-service"]}
    assert send("GET", "/admin/clients/shop").get_json() == answer.get_json()
    assert token_for(secret) == 200
    (changed,) = events("client_changed")
    assert (changed.actor, changed.detail) == (
        admin["sub"],
        {"name": "Shop", "audiences": ["orders-service"]},
    )


def test_change_keeps_wildcard(send):
    app = {"client_id": "app", "first_party": True, "audiences": ["*"], "scopes": ["*"]}
    send("POST", "/admin/clients", json=app)

    changed = send("PATCH", "/admin/clients/app", json={"name": "App"}).get_json()

    assert (changed["audiences"], changed["scopes"]) == (["*"], ["*"])


def test_new_secret_replaces_old_one(send, shop, token_for, admin, events):
    answer = send("POST", "/admin/clients/shop/rotate-secret")

    assert answer.status_code == 200
    assert [token_for(each["client_secret"]) for each in (shop, answer.get_json())] == [401, 200]
    assert events("client_secret_rotated")[0].actor == admin["sub"]


def test_disabled_client_loses_its_sessions(client, send, log_in, events, admin):
    app = {"client_id": "app", "first_party": True, "grants": ["refresh_token"]}
    send("POST", "/admin/clients", json=app | {"audiences": ["users-service"], "scopes": ["profile:read"]})
    tokens = client.post(
        "/login", json={"email": "alice@example.com", "password": PASSWORD, "client_id": "app"}
    )

    for _ in range(2):
        assert send("POST", "/admin/clients/app/disable").status_code == 204
    assert send("GET", "/admin/clients/app").get_json()["enabled"] is False
    assert refresh(client, tokens.get_json()).status_code == 400
    assert [each.actor for each in events("client_disabled")] == [admin["sub"]]
    assert [each.actor for each in events("session_ended")] == [admin["sub"]]

    for _ in range(2):
        assert send("POST", "/admin/clients/app/enable").status_code == 204
    assert send("GET", "/admin/clients/app").get_json()["enabled"] is True
    assert [each.actor for each in events("client_enabled")] == [admin["sub"]]


PATHS = [
    ("GET", ""),
    ("PATCH", ""),
    ("POST", "/disable"),
    ("POST", "/enable"),
    ("POST", "/rotate-secret"),
]


def test_unknown_client_is_404(send):
    for method, path in PATHS:
        answer = send(method, f"/admin/clients/none{path}", json={})

        assert (answer.status_code, slug_of(answer)) == (404, "unknown_client")


def test_invalid_client_id_in_path_is_422(send):
    for client_id in ("%00", "%C3%A9", "a%20b", "x" * 256):
        for method, path in PATHS:
            assert send(method, f"/admin/clients/{client_id}{path}", json={}).status_code == 422


def test_client_of_file_is_read_only(send):
    for method, path in PATHS[1:]:
        answer = send(method, f"/admin/clients/cli{path}", json={})

        assert (answer.status_code, slug_of(answer)) == (422, "invalid_registration")
        assert "file" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client_id": "cli"}, "already used"),
        ({"client_id": "../shop"}, "client_id: must have"),
        ({"name": " "}, "name: must have"),
        ({"grants": ["password"]}, "grants: unknown: password"),
        ({"audiences": ["none"]}, "audiences: unknown: none"),
        ({"scopes": ["*"]}, "scopes: * is for first-party clients"),
        ({"redirect_uris": ["/back"]}, "'/back'"),
        ({"redirect_uris": ["https://*.example/"]}, "wildcard"),
        ({"origins": ["https://shop.example"]}, "only a public client"),
        ({"confidential": False}, "requires a confidential client"),
        ({"confidential": False, "grants": [], "with_secret": True}, "a public client cannot have a secret"),
    ],
)
def test_invalid_client_is_not_registered(send, events, changes, named):
    answer = send("POST", "/admin/clients", json=SHOP | changes)

    assert (answer.status_code, slug_of(answer)) == (422, "invalid_registration")
    assert named in answer.get_json()["detail"]
    assert events("client_registered") == []


def test_all_faults_of_a_client_are_named(send):
    body = SHOP | {"name": "", "grants": ["password"], "audiences": ["none"]}

    detail = send("POST", "/admin/clients", json=body).get_json()["detail"]

    assert all(name in detail for name in ("name:", "grants:", "audiences:"))


LISTS = [
    *("grants", "redirect_uris", "post_logout_redirect_uris", "origins"),
    *("audiences", "scopes", "own_scopes", "serves"),
]
INVALID = ["\x00", "x" * 2001, 1, None, {}, ["\x00"], [1], ["x" * 2001], ["x"] * 101]
NOT_UNICODE = ["\ud800", ["\ud800"], {"\ud800": 1}]


def test_invalid_member_is_refused(send, shop):
    for member in ("client_id", "name", *LISTS):
        for value in [*INVALID, *NOT_UNICODE]:
            answers = [send("POST", "/admin/clients", json=SHOP | {"client_id": "other", member: value})]
            answers.append(send("PATCH", "/admin/clients/shop", json={member: value}))

            status = 400 if value in NOT_UNICODE else 422
            assert [each.status_code for each in answers] == [status] * 2, (member, value)
            assert {each.mimetype for each in answers} == {"application/problem+json"}


@pytest.mark.parametrize("member", ["confidential", "first_party", "with_secret"])
def test_flag_must_be_true_or_false(send, member):
    for value in (1, "true", None, []):
        assert send("POST", "/admin/clients", json=SHOP | {member: value}).status_code == 422


@pytest.mark.parametrize("member", ["secret_hash", "enabled", "client_secret", "colour"])
def test_other_member_is_422(send, shop, member):
    assert send("POST", "/admin/clients", json=SHOP | {"client_id": "b", member: "a"}).status_code == 422
    assert send("PATCH", "/admin/clients/shop", json={member: "a"}).status_code == 422


def test_client_responses_are_not_cached(send, shop):
    for answer in (send("GET", "/admin/clients"), send("POST", "/admin/clients/shop/rotate-secret")):
        assert answer.headers["Cache-Control"] == "no-store"


def test_secret_of_public_client_cannot_be_rotated(send):
    send("POST", "/admin/clients", json={"client_id": "app"})

    assert send("POST", "/admin/clients/app/rotate-secret").status_code == 422
