"""The route table: the listed routes and no others."""

import pytest
from gateway.errors import Refusal
from gateway.routes import ROUTES, RouteTable

LISTED = [
    ("GET", "/users/me", "users-service", "users-service"),
    ("PATCH", "/users/me", "users-service", "users-service"),
    ("GET", "/users/4be2ba4f-1f2a-4b1c-a7ac-6b2d0f2f7c11", "users-service", "users-service"),
    ("GET", "/users", "users-service", "users-service"),
    ("GET", "/orders", "orders-service", "orders-service"),
    ("POST", "/orders", "orders-service", "orders-service"),
    ("GET", "/orders/1", "orders-service", "orders-service"),
    ("POST", "/orders/1/cancel", "orders-service", "orders-service"),
    ("GET", "/products", "orders-service", None),
    ("HEAD", "/products", "orders-service", None),
    ("GET", "/.well-known/oauth-authorization-server", "auth-service", None),
    ("GET", "/.well-known/openid-configuration", "auth-service", None),
    ("GET", "/.well-known/jwks.json", "auth-service", None),
    ("POST", "/accounts", "auth-service", None),
    ("POST", "/login", "auth-service", None),
    ("POST", "/logout", "auth-service", "auth-service"),
    ("POST", "/logout/all", "auth-service", "auth-service"),
    ("POST", "/account/password", "auth-service", "auth-service"),
    ("POST", "/magic-links", "auth-service", None),
    ("POST", "/magic-links/redeem", "auth-service", None),
    ("GET", "/magic-links/redeem", "auth-service", None),
    ("GET", "/account/verification", "auth-service", None),
    ("POST", "/account/verification", "auth-service", "auth-service"),
    ("POST", "/account/verification/confirm", "auth-service", None),
    ("POST", "/password-resets", "auth-service", None),
    ("GET", "/password-resets/redeem", "auth-service", None),
    ("POST", "/password-resets/redeem", "auth-service", None),
    ("GET", "/account/sessions", "auth-service", "auth-service"),
    ("DELETE", "/account/sessions/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/oauth/authorize", "auth-service", None),
    ("POST", "/oauth/authorize", "auth-service", None),
    ("POST", "/oauth/token", "auth-service", None),
    ("POST", "/oauth/device_authorization", "auth-service", None),
    ("GET", "/oauth/device", "auth-service", None),
    ("POST", "/oauth/device", "auth-service", None),
    ("POST", "/oauth/revoke", "auth-service", None),
    ("POST", "/oauth/introspect", "auth-service", None),
    ("GET", "/oauth/userinfo", "auth-service", None),
    ("POST", "/oauth/userinfo", "auth-service", None),
    ("GET", "/oauth/logout", "auth-service", None),
    ("POST", "/oauth/logout", "auth-service", None),
    ("GET", "/oauth/pages.css", "auth-service", None),
    ("GET", "/status-lists", "auth-service", None),
    ("GET", "/status-lists/7", "auth-service", None),
    ("GET", "/.well-known/ssf-configuration", "auth-service", None),
    ("GET", "/ssf/streams", "auth-service", "auth-service"),
    ("PATCH", "/ssf/streams", "auth-service", "auth-service"),
    ("GET", "/ssf/status", "auth-service", "auth-service"),
    ("POST", "/ssf/verification", "auth-service", "auth-service"),
    ("POST", "/ssf/poll/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/admin/keys", "auth-service", "auth-service"),
    ("POST", "/admin/keys/rotate", "auth-service", "auth-service"),
    ("DELETE", "/admin/keys/abc_DEF-1", "auth-service", "auth-service"),
    ("GET", "/admin/sessions", "auth-service", "auth-service"),
    ("DELETE", "/admin/sessions/s", "auth-service", "auth-service"),
    ("POST", "/admin/accounts/a/disable", "auth-service", "auth-service"),
    ("POST", "/admin/accounts/a/enable", "auth-service", "auth-service"),
    ("GET", "/admin/audit", "auth-service", "auth-service"),
    ("GET", "/docs", "gateway", None),
    ("GET", "/openapi.json", "gateway", None),
    ("GET", "/livez", "gateway", None),
    ("GET", "/readyz", "gateway", None),
    ("GET", "/", "gateway", None),
]


@pytest.mark.parametrize(("method", "path", "upstream", "audience"), LISTED)
def test_route_leads_to_its_service(method, path, upstream, audience):
    route = RouteTable().find(method, path)

    assert (route.upstream, route.audience) == (upstream, audience)


def test_every_route_is_tested():
    patterns = {RouteTable().find(method, path).pattern for method, path, *_ in LISTED}

    assert patterns == {route.pattern for route in ROUTES}


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/users/metrics/x",
        "/orders/",
        "/users/a/b",
        "/order",
        "/admin",
        "/oauth",
        "/oauth/x",
        "/status-lists/",
        "/LOGIN",
        "/caf%C3%A9",
    ],
)
def test_unlisted_path_is_404(path):
    with pytest.raises(Refusal) as refusal:
        RouteTable().find("GET", path)

    assert refusal.value.kind.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/orders", b"GET, HEAD, POST"),
        ("OPTIONS", "/orders/1", b"GET, HEAD"),
        ("GET", "/login", b"POST"),
    ],
)
def test_method_not_allowed_names_allowed(method, path, allow):
    with pytest.raises(Refusal) as refusal:
        RouteTable().find(method, path)

    assert refusal.value.kind.status == 405
    assert refusal.value.headers == ((b"allow", allow),)
