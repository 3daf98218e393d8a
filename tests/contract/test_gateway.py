"""The gateway refuses ambiguous targets, and drops headers that only it may set."""

import pytest

pytestmark = pytest.mark.compose

TARGETS = [
    "/users/../orders",
    "/users/./me",
    "/users/me/..",
    "//users/me",
    "/users//me",
    "/users/%2e%2e/orders",
    "/users/%2E%2e/orders",
    "/users/.%2e/orders",
    "/users%2fme",
    "/users%2Fme",
    "/users%5cme",
    "/users\\me",
    "/users/me;x=1",
    "/users;/me",
    "/users/me%00",
    "/users/%00",
    "/users/me%",
    "/users/me%zz",
    "/users/%252e%252e/orders",
    "/users/me%0d%0aX-User-Id:%20admin",
    "http://auth-service:8081//users/me",
    "*",
]


@pytest.mark.parametrize("target", TARGETS)
def test_ambiguous_target_is_refused(gateway, alice, raw_client, target):
    answer = raw_client(gateway.url)("GET", target, ("Authorization", f"Bearer {alice.token}"))

    assert answer.status in (400, 404)
    assert answer.status == 400 or "252e" in target
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://127.0.0.1/users/me", 200), ("http://auth-service:8081/metrics", 404), ("users/me", 400)],
)
def test_authority_of_target_chooses_nothing(gateway, alice, raw_client, target, status):
    """The absolute form is accepted (RFC 9112 section 3.2.2); a target of neither form is not HTTP."""
    answer = raw_client(gateway.url)("GET", target, ("Authorization", f"Bearer {alice.token}"))

    assert answer.status == status


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize(
    "name", ["X-User-Id", "X-User.Sub", "X_User_Roles", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-User"]
)
def test_identity_header_is_ignored(gateway, alice, admin, raw_client, method, name):
    lines = [("Authorization", f"Bearer {alice.token}"), (name, admin.sub), (name, "/users"), (name, "admin")]

    answer = raw_client(gateway.url)(method, "/users", *lines)

    assert answer.status in (403, 405)


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_override_is_ignored(gateway, alice, raw_client, name):
    answer = raw_client(gateway.url)(
        "GET", "/orders", ("Authorization", f"Bearer {alice.token}"), (name, "DELETE")
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    ("name", "values"), [("Host", ("a.example", "b.example")), ("Content-Length", ("0", "5"))]
)
def test_repeated_single_header_is_400(gateway, raw_client, name, values):
    lines = [(name, value) for value in values]

    answer = raw_client(gateway.url)("GET", "/products", *lines)

    assert answer.status == 400


def test_server_software_is_hidden(gateway, alice):
    answer = gateway("GET", "/users/me", token=alice.token)

    software = {"Server", "X-Powered-By", "Via"} & set(answer.headers)
    assert not any("granian" in answer.headers[name].lower() for name in software)
