"""The public routes: the status for anonymous, customer and administrator, at the gateway."""

import pytest
from testkit.token_signer import claims_of

pytestmark = pytest.mark.compose

PUBLIC = [
    ("GET", "/.well-known/oauth-authorization-server", 200),
    ("GET", "/.well-known/openid-configuration", 200),
    ("GET", "/.well-known/jwks.json", 200),
    ("GET", "/status-lists", 200),
    ("GET", "/status-lists/1", 200),
    ("GET", "/products", 200),
    ("GET", "/", 200),
    ("GET", "/console/js/main.js", 200),
    ("GET", "/docs", 200),
    ("GET", "/accounts", 200),
    ("GET", "/magic-links", 200),
    ("GET", "/magic-links/redeem", 200),
    ("GET", "/password-resets", 200),
    ("POST", "/oauth/token", 400),  # the request has no grant
    ("POST", "/login", 415),
    ("POST", "/accounts", 415),
    ("POST", "/magic-links", 415),
    ("POST", "/magic-links/redeem", 415),
    ("GET", "/oauth/authorize", 400),
    ("POST", "/oauth/authorize", 400),
    ("POST", "/oauth/device_authorization", 400),
    ("POST", "/oauth/revoke", 400),
    ("POST", "/oauth/introspect", 400),
]

# method, path, body, and the statuses for anonymous, alice and admin
GUARDED = [
    ("GET", "/users/me", None, 401, 200, 200),
    ("PATCH", "/users/me", {"name": "The same for all"}, 401, 200, 200),
    ("GET", "/users/{alice}", None, 401, 200, 200),
    ("GET", "/users/{bob}", None, 401, 403, 200),
    ("GET", "/users/unknown", None, 401, 403, 404),
    ("GET", "/users", None, 401, 403, 200),
    ("GET", "/orders", None, 401, 200, 200),
    ("POST", "/orders", {"items": [{"sku": "{sku}", "quantity": 1}]}, 401, 201, 201),
    ("GET", "/orders/nothing", None, 401, 404, 404),
    ("GET", "/orders/{alices_order}", None, 401, 200, 200),
    ("GET", "/orders/{bobs_order}", None, 401, 404, 200),
    ("POST", "/orders/{bobs_order}/cancel", None, 401, 404, None),
    ("POST", "/orders/nothing/cancel", None, 401, 404, 404),
    ("GET", "/account/sessions", None, 401, 200, 200),
    ("GET", "/admin/keys", None, 401, 403, 200),
    ("DELETE", "/admin/keys/nothing", None, 401, 403, 404),
    ("GET", "/admin/sessions?sub={alice}", None, 401, 403, 200),
    ("DELETE", "/admin/sessions/nothing", None, 401, 403, 404),
    ("POST", "/admin/accounts/unknown/disable", None, 401, 403, 404),
    ("POST", "/admin/accounts/unknown/enable", None, 401, 403, 404),
    ("GET", "/admin/audiences", None, 401, 403, 200),
    ("POST", "/admin/audiences", {"name": "users-service", "scopes": ["a:read"]}, 401, 403, 409),
    ("DELETE", "/admin/audiences/unknown", None, 401, 403, 404),
    ("GET", "/admin/roles", None, 401, 403, 200),
    ("POST", "/admin/roles", {"name": "customer", "scopes": []}, 401, 403, 409),
    ("PUT", "/admin/roles/unknown/scopes", {"scopes": []}, 401, 403, 404),
    ("DELETE", "/admin/roles/unknown", None, 401, 403, 404),
    ("GET", "/admin/clients", None, 401, 403, 200),
    ("GET", "/admin/clients/cli", None, 401, 403, 200),
    ("POST", "/admin/clients", {"client_id": "cli"}, 401, 403, 422),
    ("PATCH", "/admin/clients/unknown", {}, 401, 403, 404),
    ("POST", "/admin/clients/unknown/disable", None, 401, 403, 404),
    ("POST", "/admin/clients/unknown/enable", None, 401, 403, 404),
    ("POST", "/admin/clients/unknown/rotate-secret", None, 401, 403, 404),
]

# Their effects would disturb other tests, so they are only tested without a token.
IRREVERSIBLE = [
    ("POST", "/logout"),
    ("POST", "/logout/all"),
    ("POST", "/account/password"),
    ("POST", "/admin/keys/rotate"),
    ("GET", "/oauth/userinfo"),
]

UNKNOWN = [
    "/status",
    "/admin",
    "/metrics",
    "/internal",
    "/user/me",
    "/order",
    "/userss",
    "/productsx",
    "/static/x",
    "/oauth",
    "/oauth/x",
]


@pytest.fixture(scope="module")
def values(gateway, alice, bob, place_order, sku):
    """The values of the placeholders in GUARDED."""
    gateway("GET", "/users/me", token=bob.token)
    orders = {
        "alices_order": place_order(alice.token).json()["id"],
        "bobs_order": place_order(bob.token).json()["id"],
    }
    return {"alice": alice.sub, "bob": bob.sub, "sku": sku, **orders}


@pytest.mark.parametrize(("method", "path", "expected"), PUBLIC)
def test_public_route_answers_anonymous(gateway, method, path, expected):
    assert gateway(method, path).status_code == expected


@pytest.mark.parametrize("column", ["anonymous", "customer", "administrator"])
@pytest.mark.parametrize("row", GUARDED, ids=lambda row: f"{row[0]} {row[1]}")
def test_guarded_route_answers_by_role(gateway, alice, admin, values, row, column):
    method, path, body, *statuses = row
    who = {"anonymous": None, "customer": alice.token, "administrator": admin.token}[column]
    expected = statuses[["anonymous", "customer", "administrator"].index(column)]
    if body and "items" in body:
        body = {"items": [{"sku": values["sku"], "quantity": 1}]}

    answer = gateway(method, path.format(**values), token=who, json=body)

    assert answer.status_code == expected or expected is None
    assert answer.status_code < 500


@pytest.mark.parametrize(("method", "path"), IRREVERSIBLE)
def test_route_without_token_is_401(gateway, method, path):
    answer = gateway(method, path)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_path_is_404_at_gateway(gateway, admin, path):
    answer = gateway("GET", path, token=admin.token)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_metadata_names_issuer_and_routes(gateway, alice):
    document = gateway("GET", "/.well-known/oauth-authorization-server").json()

    issuer = claims_of(alice.token)["iss"]
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert document["token_endpoint"] == f"{issuer}/oauth/token"
    assert gateway("GET", "/.well-known/openid-configuration").json()["issuer"] == issuer


def test_jwks_is_cacheable_and_public(gateway):
    answer = gateway("GET", "/.well-known/jwks.json")
    again = gateway("GET", "/.well-known/jwks.json", headers={"If-None-Match": answer.headers["ETag"]})

    assert "max-age" in answer.headers["Cache-Control"]
    assert again.status_code == 304
    assert again.content == b""
    for key in answer.json()["keys"]:
        assert {"kty", "kid", "n", "e"} <= set(key)
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


def test_wait_for_unchanged_jwks_ends(gateway):
    known = gateway("GET", "/.well-known/jwks.json").headers["ETag"]

    answer = gateway("GET", "/.well-known/jwks.json", headers={"If-None-Match": known, "Prefer": "wait=1"})

    assert answer.status_code == 304
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert answer.headers["ETag"] == known


def test_log_in_answer_is_oauth_and_not_stored(gateway, alice):
    answer = gateway("POST", "/login", json=alice.credentials)

    body = answer.json()
    assert {"access_token", "token_type", "expires_in", "refresh_token", "scope"} <= set(body)
    assert body["token_type"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"
    claims = claims_of(body["access_token"])
    assert claims["exp"] - claims["iat"] == body["expires_in"]
    assert set(claims["scope"].split()) == set(body["scope"].split())


def test_unknown_account_looks_like_wrong_password(gateway, alice):
    answers = [
        gateway("POST", "/login", json={"email": email, "password": "not this one"})
        for email in (alice.email, "unknown@example.com")
    ]

    seen = [{k: v for k, v in a.json().items() if k != "request_id"} for a in answers]
    assert seen[0] == seen[1]
    assert [a.status_code for a in answers] == [answers[0].status_code] * 2
    assert 400 <= answers[0].status_code < 500


def test_registering_twice_looks_like_once(gateway, new_user):
    user = new_user()
    body = {"password": "another password entirely", "name": "N"}

    known = gateway("POST", "/accounts", json={"email": user.email, **body})
    fresh = gateway("POST", "/accounts", json={"email": f"x{user.email}", **body})

    assert known.status_code == fresh.status_code == 201
    assert set(known.json()) == set(fresh.json())
    assert len(known.json()["sub"]) == len(fresh.json()["sub"])
    assert user.log_in()["access_token"]
