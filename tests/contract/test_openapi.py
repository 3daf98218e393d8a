"""Each service's OpenAPI document is valid, and names all public routes."""

import re
from collections import Counter

import pytest
from gateway.routing.routes import load_routes

VARIABLE = re.compile(r"\{\w+\}")
METHODS = {"get", "post", "put", "patch", "delete"}
ROUTES = {
    "auth-service": {
        ("get", "/.well-known/oauth-authorization-server"),
        ("get", "/.well-known/openid-configuration"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/accounts"),
        ("post", "/accounts"),
        ("post", "/login"),
        ("post", "/logout"),
        ("post", "/logout/all"),
        ("post", "/account/password"),
        ("get", "/magic-links"),
        ("post", "/magic-links"),
        ("get", "/magic-links/redeem"),
        ("post", "/magic-links/redeem"),
        ("get", "/password-resets"),
        ("post", "/password-resets"),
        ("get", "/oauth/authorize"),
        ("post", "/oauth/authorize"),
        ("post", "/oauth/token"),
        ("post", "/oauth/device_authorization"),
        ("post", "/oauth/revoke"),
        ("post", "/oauth/introspect"),
        ("get", "/oauth/userinfo"),
        ("get", "/.well-known/ssf-configuration"),
        ("post", "/ssf/streams"),
        ("get", "/ssf/streams"),
        ("patch", "/ssf/streams"),
        ("put", "/ssf/streams"),
        ("delete", "/ssf/streams"),
        ("get", "/ssf/status"),
        ("post", "/ssf/status"),
        ("post", "/ssf/verification"),
        ("post", "/ssf/poll/{stream_id}"),
        ("get", "/admin/keys"),
        ("post", "/admin/keys/rotate"),
        ("delete", "/admin/keys/{kid}"),
        ("get", "/admin/sessions"),
        ("delete", "/admin/sessions/{sid}"),
        ("post", "/admin/accounts/{sub}/disable"),
        ("post", "/admin/accounts/{sub}/enable"),
        ("get", "/admin/audiences"),
        ("post", "/admin/audiences"),
        ("delete", "/admin/audiences/{name}"),
        ("get", "/admin/roles"),
        ("post", "/admin/roles"),
        ("delete", "/admin/roles/{name}"),
        ("put", "/admin/roles/{name}/scopes"),
        ("get", "/admin/clients"),
        ("post", "/admin/clients"),
        ("get", "/admin/clients/{client_id}"),
        ("patch", "/admin/clients/{client_id}"),
        ("post", "/admin/clients/{client_id}/disable"),
        ("post", "/admin/clients/{client_id}/enable"),
        ("post", "/admin/clients/{client_id}/rotate-secret"),
    },
    "users-service": {
        ("get", "/users/me"),
        ("patch", "/users/me"),
        ("get", "/users/{sub}"),
        ("get", "/users"),
    },
    "orders-service": {
        ("get", "/products"),
        ("post", "/orders"),
        ("get", "/orders"),
        ("get", "/orders/{id}"),
        ("post", "/orders/{id}/cancel"),
    },
}
# auth-service's routes with a bearer token; the other services' are all but the products.
AUTH_SERVICE_BEARER_ROUTES = ("/logout", "/account/", "/admin/", "/oauth/userinfo", "/ssf/")


@pytest.fixture(params=list(ROUTES))
def service(request):
    return request.param


@pytest.fixture
def document(cluster, client_at, service):
    answer = client_at(cluster.urls[service])("GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def operations(document):
    return [(m, p, op) for p, item in document["paths"].items() for m, op in item.items() if m in METHODS]


def nodes(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from nodes(inner)


def test_version_is_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"]


def test_all_contract_routes_are_documented(document, service):
    shapes = {
        (m, "/".join("{}" if part.startswith("{") else part for part in p.split("/")))
        for m, p, _ in operations(document)
    }

    wanted = {
        (m, "/".join("{}" if part.startswith("{") else part for part in p.split("/")))
        for m, p in ROUTES[service]
    }
    assert wanted - shapes == set()


def test_references_resolve(document):
    for node in nodes(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            target = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]


def test_operation_ids_are_unique(document):
    times = Counter(op["operationId"] for _, _, op in operations(document))

    assert {name: n for name, n in times.items() if n > 1} == {}
    assert all(op["responses"] for _, _, op in operations(document))


def test_path_parameters_are_declared(document):
    for _, path, op in operations(document):
        declared = {p["name"] for p in op.get("parameters", []) if p["in"] == "path"}
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_guarded_operations_have_security(document, service):
    guarded = {
        (method, path)
        for method, path in ROUTES[service]
        if (path.startswith(AUTH_SERVICE_BEARER_ROUTES) if service == "auth-service" else path != "/products")
    }

    silent = {(m, p) for m, p, op in operations(document) if not op.get("security")}
    assert guarded & silent == set()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.compose
def test_gateway_joins_documents(gateway):
    answer = gateway("GET", "/openapi.json")

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1.")


def test_documents_match_official_schema(cluster, client_at, run_node):
    documents = {name: client_at(url)("GET", "/openapi.json").json() for name, url in cluster.urls.items()}

    verdicts = run_node("openapi.mjs", documents)

    assert {name: v["errors"] for name, v in verdicts.items() if not v["valid"]} == {}
    assert {v["version"] for v in verdicts.values()} == {"3.1"}


def test_scopes_of_the_gateway_are_documented(document, service):
    needed = {
        (method.lower(), route.shape): set(route.scopes)
        for route in load_routes().routes
        for method in route.methods
        if route.upstream == service and route.scopes
    }
    for method, path, op in operations(document):
        scopes = needed.pop((method, VARIABLE.sub("{}", path)), set())
        assert all(scopes <= set(each["bearer"]) for each in op["security"]) if scopes else True, path

    assert {shape for method, shape in needed if method != "head"} == set()
