"""CORS through the real gateway, without CORS_ORIGINS: public documents, protected routes, a registered origin."""

import pytest

PAGE, OTHER = "https://page.example", "https://other.example"
PUBLIC = ["/products", "/.well-known/openid-configuration", "/.well-known/jwks.json", "/status-lists"]
PROTECTED = ["/orders", "/users/me", "/account/sessions", "/admin/keys"]
OAUTH = ["/oauth/token", "/oauth/revoke", "/oauth/userinfo"]


def allowed(response):
    """Return the origin that may read the response; no other allow header may come without it."""
    origin = response.headers.get("Access-Control-Allow-Origin")
    names = [name for name in response.headers if name.lower().startswith("access-control-")]
    assert origin is not None or names == []
    assert "Access-Control-Allow-Credentials" not in response.headers
    return origin


def preflight(gateway, path, method, origin):
    return gateway("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": method})


@pytest.fixture(scope="module")
def page(cluster):
    """The id of a public client with the origin PAGE."""
    cluster.cli("auth-service", "clients", "register", "cors-page", "--public", "--origin", PAGE)
    return "cors-page"


@pytest.mark.compose
@pytest.mark.parametrize("path", PUBLIC)
def test_public_document_is_readable(gateway, path):
    answers = [gateway("GET", path, headers={"Origin": OTHER}), preflight(gateway, path, "GET", OTHER)]

    assert [(each.status_code, allowed(each)) for each in answers] == [(200, "*"), (204, "*")]
    assert answers[0].headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.compose
@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("origin", [OTHER, "null", "http://localhost:3000"])
def test_protected_route_is_readable_by_none(gateway, alice, path, origin):
    answers = [
        gateway("GET", path, headers={"Origin": origin}),
        gateway("GET", path, headers={"Origin": origin}, token=alice.token),
        preflight(gateway, path, "GET", origin),
    ]

    assert [allowed(each) for each in answers] == [None, None, None]
    assert answers[2].status_code == 403


@pytest.mark.parametrize("path", OAUTH)
def test_registered_origin_may_call_oauth_endpoint(gateway, page, path):
    answer = preflight(gateway, path, "POST", PAGE)

    assert (answer.status_code, allowed(answer), answer.content) == (204, PAGE, b"")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    refused = preflight(gateway, path, "POST", OTHER)
    assert (refused.status_code, allowed(refused)) == (403, None)


def test_token_response_is_readable_by_own_origin(gateway, page):
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": page}

    answers = [gateway("POST", "/oauth/token", data=form, headers={"Origin": each}) for each in (PAGE, OTHER)]

    assert [(each.status_code, allowed(each)) for each in answers] == [(400, PAGE), (400, None)]
    assert [each.headers["Vary"] for each in answers] == ["Origin", "Origin"]
    assert "Retry-After" in answers[0].headers["Access-Control-Expose-Headers"]
