"""CORS at the endpoints that applications in browsers call."""

import pytest

from ..helpers import CALLBACK, REQUEST, bearer, refresh

PAGE, OTHER = "https://page.example", "https://other.example"
PATHS = ["/oauth/token", "/oauth/revoke", "/oauth/userinfo"]
ALLOW_ORIGIN = "Access-Control-Allow-Origin"


@pytest.fixture
def app(make_app, tmp_path):
    """The service with two public clients that have an origin each, and a disabled one."""
    rows = {"page": (PAGE, "true"), "other": (OTHER, "true"), "old": ("https://old.example", "false")}
    file = tmp_path / "registry.toml"
    file.write_text(
        "".join(
            f"""[clients.{name}]
            first_party = true
            enabled = {enabled}
            grants = ["authorization_code", "refresh_token"]
            redirect_uris = ["{CALLBACK}"]
            origins = ["{origin}"]
            audiences = ["orders-service"]
            scopes = ["openid", "email", "orders:read"]
            """
            for name, (origin, enabled) in rows.items()
        )
    )
    return make_app(registry_file=file)


@pytest.fixture
def tokens(sign_in, redeem):
    """The tokens of the client `page`."""
    return redeem(sign_in(REQUEST, client_id="page").location, client_id="page").get_json()


def preflight(client, path, origin, method="POST"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers=headers)


@pytest.mark.parametrize("path", PATHS)
def test_preflight_of_registered_origin_is_allowed(client, path):
    for origin in (PAGE, OTHER):
        answer = preflight(client, path, origin)

        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers[ALLOW_ORIGIN] == origin
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "origin",
    ["https://unknown.example", "https://old.example", "null", "*", f"{PAGE} {OTHER}", PAGE.upper(), ""],
)
def test_preflight_of_other_origin_is_refused(client, path, origin):
    answer = preflight(client, path, origin)

    assert (answer.status_code, answer.get_json()["type"]) == (
        403,
        "urn:touchstone:problem:origin_not_allowed",
    )
    assert not any(name.startswith("Access-Control-") for name, _ in answer.headers)


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/authorize", "/login", "/account/sessions"])
def test_preflight_of_other_endpoint_allows_nothing(client, path):
    assert ALLOW_ORIGIN not in preflight(client, path, PAGE).headers


def test_options_without_origin_is_no_preflight(client):
    answer = client.options("/oauth/token")

    assert (answer.status_code, set(answer.allow)) == (200, {"OPTIONS", "POST"})
    assert ALLOW_ORIGIN not in answer.headers


def test_token_is_readable_by_own_origin_only(client, tokens):
    for origin, allowed in ((OTHER, None), ("null", None), (PAGE, PAGE)):
        answer = refresh(client, tokens, {"Origin": origin}, client_id="page")
        tokens = answer.get_json()

        assert (answer.status_code, answer.headers.get(ALLOW_ORIGIN)) == (200, allowed)
        assert answer.headers["Vary"] == "Origin"


def test_token_error_is_readable_by_own_origin(client):
    spent = {"refresh_token": "spent"}

    answer = refresh(client, spent, {"Origin": PAGE}, client_id="page")

    assert (answer.status_code, answer.headers[ALLOW_ORIGIN]) == (400, PAGE)
    assert ALLOW_ORIGIN not in refresh(client, spent, {"Origin": OTHER}, client_id="page").headers


@pytest.mark.parametrize("form", [{}, {"client_id": "unknown"}, {"client_id": "old"}, {"client_id": "cli"}])
def test_token_for_other_client_is_not_readable(client, form):
    for origin in (PAGE, "https://old.example"):
        answer = refresh(client, {"refresh_token": "x"}, {"Origin": origin}, **form)

        assert (answer.status_code >= 400, ALLOW_ORIGIN in answer.headers) == (True, False)


def test_token_of_unnamed_client_is_not_readable(client, tokens):
    """A refresh token works without `client_id`; no page may then read the response."""
    answer = refresh(client, tokens, {"Origin": PAGE})

    assert (answer.status_code, ALLOW_ORIGIN in answer.headers) == (200, False)


def test_revocation_is_readable_by_own_origin(client, tokens):
    form = {"token": tokens["refresh_token"], "client_id": "page"}

    for origin, allowed in ((OTHER, None), (PAGE, PAGE)):
        answer = client.post("/oauth/revoke", data=form, headers={"Origin": origin})

        assert (answer.status_code, answer.headers.get(ALLOW_ORIGIN)) == (200, allowed)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_is_readable_by_own_origin(client, tokens, method):
    for origin, allowed in ((OTHER, None), (PAGE, PAGE)):
        headers = bearer(tokens) | {"Origin": origin}
        answer = client.open("/oauth/userinfo", method=method, headers=headers)

        assert (answer.status_code, answer.headers.get(ALLOW_ORIGIN)) == (200, allowed)


def test_userinfo_with_invalid_token_is_not_readable(client):
    answer = client.get("/oauth/userinfo", headers={"Authorization": "Bearer x", "Origin": PAGE})

    assert (answer.status_code, ALLOW_ORIGIN in answer.headers) == (401, False)
