"""CORS: which origins may read which responses, as a table, and through the real server."""

import pytest
from gateway.cors import ALLOW_ORIGIN, Cors, service_headers
from gateway.response_headers import merged
from gateway.routing.routes import load_routes
from gateway.settings import Settings
from hypothesis import given
from hypothesis import strategies as st
from service_kit.settings import faults

PAGE, OTHER = b"https://page.example", b"https://other.example"
CORS = Cors(frozenset({PAGE}))
TABLE = load_routes()
ROUTES = sorted(TABLE.routes, key=lambda route: (route.pattern, sorted(route.methods)))


def route(path, method="GET"):
    return TABLE.find(method, path)


PRODUCTS, ORDERS, TOKEN = route("/products"), route("/orders"), route("/oauth/token", "POST")
AUTHORIZE = route("/oauth/authorize")


def allowed(headers):
    return dict(headers).get(ALLOW_ORIGIN)


@pytest.mark.parametrize("preflight", [False, True])
@pytest.mark.parametrize(
    ("found", "origin", "value", "varies"),
    [
        (PRODUCTS, PAGE, b"*", False),
        (PRODUCTS, OTHER, b"*", False),
        (PRODUCTS, None, b"*", False),
        (ORDERS, PAGE, PAGE, True),
        (ORDERS, OTHER, None, True),
        (ORDERS, PAGE.upper(), None, True),
        (ORDERS, PAGE + b"," + PAGE, None, True),
        (ORDERS, b"null", None, True),
        (ORDERS, b"*", None, True),
        (ORDERS, None, None, True),
        (TOKEN, PAGE, PAGE, True),
        (TOKEN, OTHER, None, True),
        (TOKEN, None, None, True),
        (AUTHORIZE, PAGE, None, False),
    ],
)
def test_headers_by_route_and_origin(found, origin, value, varies, preflight):
    headers = dict(CORS.headers(found, origin, preflight=preflight))

    assert headers.get(ALLOW_ORIGIN) == value
    assert (headers.get(b"vary") == b"Origin") is varies
    assert (b"access-control-allow-methods" in headers) is (preflight and value is not None)
    assert b"access-control-allow-credentials" not in headers


@given(origin=st.binary() | st.sampled_from([PAGE, b"null", b"*"]), preflight=st.booleans())
def test_unset_origins_allow_no_protected_route(origin, preflight):
    for each in ROUTES:
        headers = Cors().headers(each, origin, preflight=preflight)

        assert (allowed(headers) is not None) is (each.cors == "public")
        assert each.audience is None or headers == ()


@given(origin=st.binary() | st.none(), own=st.lists(st.binary() | st.just(b"*"), max_size=2))
def test_service_allows_only_the_exact_origin(origin, own):
    response = [(b"Access-Control-Allow-Origin", value) for value in own]

    assert allowed(service_headers(TOKEN, origin, response)) == (origin if own == [origin] else None)


def test_public_documents_and_oauth_endpoints():
    public = {each.pattern for each in ROUTES if each.cors == "public"}

    assert public == {each.pattern for each in ROUTES if each.pattern.startswith("/.well-known/")} | {
        "/products",
        "/status-lists",
        "/status-lists/{n}",
    }
    assert {each.pattern for each in ROUTES if each.cors == "service"} == {
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/userinfo",
    }


@pytest.mark.parametrize(
    ("own", "vary"),
    [
        ([], b"Origin"),
        ([b"Accept, Prefer"], b"Accept, Prefer, Origin"),
        ([b"Accept", b"Prefer"], b"Accept, Prefer, Origin"),
        ([b"Origin"], b"Origin"),
        ([b"*"], b"*, Origin"),
    ],
)
def test_vary_is_joined(own, vary):
    headers = [(b"etag", b'"1"'), *((b"vary", value) for value in own)]

    assert merged(headers, CORS.headers(ORDERS, None)) == [(b"etag", b'"1"'), (b"vary", vary)]


def test_public_route_replaces_resource_policy():
    headers = merged([(b"cross-origin-resource-policy", b"same-origin")], CORS.headers(PRODUCTS, None))

    assert (b"cross-origin-resource-policy", b"cross-origin") in headers
    assert len(headers) == len(dict(headers))


def test_origins_are_read_from_settings():
    settings = Settings(cors_origins=f"{PAGE.decode()}, http://localhost:5173,")

    assert settings.cors_origins == {PAGE.decode(), "http://localhost:5173"}
    assert Settings().cors_origins == frozenset()


def test_bad_origins_are_named():
    bad = [
        "*",
        "null",
        "https://*.example",
        "https://A.example",
        "https://b.example/",
        "https://c.example:443",
    ]

    with pytest.raises(ValueError, match="cors_origins") as refused:
        Settings(cors_origins=",".join([PAGE.decode(), *bad]))

    (line,) = faults(refused.value)
    assert [each for each in bad if repr(each) not in line] == []
    assert PAGE.decode() not in line


ORIGIN, ELSEWHERE = f"Origin: {PAGE.decode()}", f"Origin: {OTHER.decode()}"
WANTS = "Access-Control-Request-Method: "


@pytest.fixture
def service(another_upstream):
    return another_upstream


@pytest.fixture
def page_gateway(start, service):
    """A gateway with CORS_ORIGINS, before `service`."""
    with start(service.url, cors_origins=PAGE.decode(), rate_limits=False) as running:
        yield running


@pytest.fixture
def respond(service):
    """`respond(status, *headers)`: the response of the service from now on."""

    def respond(status, *headers):
        service.respond = lambda _, connection: service.say(connection, b"", f"{status} X", *headers)

    return respond


def allows(response):
    return {name: value for name, value in response.headers if name.startswith("access-control-")}


@pytest.mark.parametrize(
    ("method", "path", "methods"),
    [("GET", "/orders", "GET, HEAD"), ("POST", "/orders", "POST"), ("PATCH", "/users/me", "PATCH")],
)
def test_preflight_is_answered_before_token_check(page_gateway, service, method, path, methods):
    wanted = "Access-Control-Request-Headers: authorization,content-type"
    response = page_gateway.request("OPTIONS", path, ORIGIN, WANTS + method, wanted)

    assert (response.status, response.body, service.seen) == (204, b"", [])
    assert response["access-control-allow-origin"] == PAGE.decode()
    assert response["access-control-allow-methods"] == methods
    assert response["access-control-max-age"] == "600"
    assert {"authorization", "content-type", "idempotency-key", "if-none-match", "prefer"} == set(
        response["access-control-allow-headers"].split(", ")
    )
    assert response["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/orders", "/users/me", "/oauth/authorize", "/admin/keys"])
def test_preflight_of_other_origin_is_403(page_gateway, service, path):
    response = page_gateway.request("OPTIONS", path, ELSEWHERE, WANTS + "GET")

    assert response.status == 403
    assert "Origin" in response["vary"] or path == "/oauth/authorize"
    assert (allows(response), service.seen) == ({}, [])


def test_preflight_for_missing_route_is_refused(page_gateway):
    answers = [
        page_gateway.request("OPTIONS", path, ORIGIN, WANTS + method)
        for path, method in (("/none", "GET"), ("/orders", "DELETE"), ("/orders", "OPTIONS"))
    ]

    assert [response.status for response in answers] == [404, 405, 405]
    assert [allows(response) for response in answers] == [{}, {}, {}]


def test_options_that_is_no_preflight_is_405(page_gateway):
    for headers in ((), (ORIGIN,), (WANTS + "GET",)):
        assert page_gateway.request("OPTIONS", "/orders", *headers).status == 405


def test_preflight_counts_for_client_limit(start, service):
    with start(service.url, cors_origins=PAGE.decode(), rate_limit_client="2/minute") as gateway:
        answers = [gateway.request("OPTIONS", "/orders", ORIGIN, WANTS + "GET") for _ in range(3)]

    assert [response.status for response in answers] == [204, 204, 429]


@pytest.mark.parametrize(("origin", "value"), [(ORIGIN, PAGE.decode()), (ELSEWHERE, "")])
def test_response_is_readable_by_configured_origin(page_gateway, respond, bearer, origin, value):
    respond(200, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true", "vary: Accept")
    response = page_gateway.request("GET", "/orders", origin, bearer(scope="orders:read"))

    assert (response.status, response["access-control-allow-origin"]) == (200, value)
    assert "ETag" in response["access-control-expose-headers"] or not value
    assert response["access-control-allow-credentials"] == ""
    assert response["vary"] == "Accept, Origin"
    assert response["cross-origin-resource-policy"] == "same-origin"


def test_errors_of_gateway_are_readable(page_gateway, start, settings, bearer):
    big = f"Content-Length: {64 * 1024 + 1}"
    answers = [
        page_gateway.request("GET", "/orders", ORIGIN),
        page_gateway.request("GET", "/orders", ORIGIN, bearer(scope="profile:read")),
        page_gateway.request("POST", "/orders", ORIGIN, bearer(scope="orders:write"), big),
    ]
    with start("http://127.0.0.1:1", cors_origins=PAGE.decode(), rate_limit_client="2/minute") as gateway:
        answers += [gateway.request("GET", "/orders", ORIGIN, bearer(scope="orders:read")) for _ in range(3)]

    assert [response.status for response in answers] == [401, 403, 413, 503, 503, 429]
    assert {response["access-control-allow-origin"] for response in answers} == {PAGE.decode()}


def test_public_document_is_readable_everywhere(gateway, upstream):
    for headers in ((), (ELSEWHERE,), ("Origin: null",)):
        response = gateway.request("GET", "/.well-known/jwks.json", *headers)

        assert response["access-control-allow-origin"] == "*"
        assert response["cross-origin-resource-policy"] == "cross-origin"
    preflight = gateway.request("OPTIONS", "/products", ELSEWHERE, WANTS + "GET")
    assert (preflight.status, preflight["access-control-allow-origin"]) == (204, "*")


@pytest.mark.parametrize(
    ("own", "value"),
    [
        ([f"Access-Control-Allow-Origin: {OTHER.decode()}"], OTHER.decode()),
        (["Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true"], ""),
        (["Access-Control-Expose-Headers: *"], ""),
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_service_decides_at_token(page_gateway, service, respond, own, value, method):
    respond(200, *own, "Vary: Origin")
    response = page_gateway.request(method, "/oauth/token", ELSEWHERE, WANTS + "POST")

    assert response["access-control-allow-origin"] == value
    assert response["access-control-allow-credentials"] == ""
    assert (response["access-control-allow-methods"] == "POST") is (method == "OPTIONS" and bool(value))
    assert response["vary"] == "Origin"
    (seen,) = service.seen
    assert (seen.method, seen.values("origin")) == (method, [OTHER.decode()])


def test_configured_origin_is_allowed_at_token(page_gateway, service, respond):
    respond(200)
    preflight = page_gateway.request("OPTIONS", "/oauth/token", ORIGIN, WANTS + "POST")
    assert (preflight.status, service.seen) == (204, [])

    response = page_gateway.request("POST", "/oauth/token", ORIGIN)
    assert response["access-control-allow-origin"] == PAGE.decode()


def test_gateway_error_at_token_is_readable(start):
    with start("http://127.0.0.1:1") as gateway:
        response = gateway.request("POST", "/oauth/token", ELSEWHERE)

    assert (response.status, response["access-control-allow-origin"]) == (503, "*")
    assert "Retry-After" in response["access-control-expose-headers"]


def test_unset_origins_keep_all_pages_out(gateway, upstream, bearer):
    response = gateway.request("GET", "/orders", ORIGIN, bearer(scope="orders:read"))
    preflight = gateway.request("OPTIONS", "/orders", ORIGIN, WANTS + "GET")

    assert (response.status, allows(response)) == (200, {})
    assert (preflight.status, allows(preflight)) == (403, {})
