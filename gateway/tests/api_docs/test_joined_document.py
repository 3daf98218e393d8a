"""The joined OpenAPI document."""

import pytest
from gateway.api_docs.joined_document import CACHE_SECONDS, JoinedDocument
from gateway.api_docs.own_operations import gateway_document
from gateway.routing.routes import load_routes
from testkit.clock import FakeClock

PROBLEM = {"type": "object"}


def document(*paths, schemas=None, **operation):
    ref = {
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}
        }
    }
    return {
        "paths": {
            path: {method: {"operationId": f"{method}_it", **ref, **operation}} for method, path in paths
        },
        "components": {"schemas": {"Problem": PROBLEM, "Item": {"type": "string"}, **(schemas or {})}},
    }


class Source:
    def __init__(self, value):
        self.value = value
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def clock():
    return FakeClock(1000.0)


def joined(sources, clock):
    return JoinedDocument(load_routes(), sources, "http://localhost:8080", "1.2.3", now=clock)


def test_openapi_holds_public_routes_only(clock):
    sources = {
        "orders-service": Source(
            document(
                ("get", "/orders/{order_id}"), ("get", "/metrics"), ("put", "/orders"), ("get", "/login")
            )
        ),
        "users-service": Source(document(("get", "/users/me"), ("get", "/orders"))),
        "gateway": gateway_document,
    }

    paths = joined(sources, clock).get()["paths"]

    assert set(paths) == {"/orders/{order_id}", "/users/me", *gateway_document()["paths"]}
    assert paths["/users/me"]["get"]["operationId"] == "users-service.get_it"
    assert paths["/users/me"]["get"]["tags"] == ["users-service"]


def test_openapi_has_the_tags_in_use(clock):
    users = document(("get", "/users/me"), tags=["profiles"])
    users["tags"] = [{"name": "profiles", "description": "Profiles."}, {"name": "operations"}]

    whole = joined({"users-service": Source(users)}, clock).get()

    assert whole["tags"] == [{"name": "profiles", "description": "Profiles."}]


def test_openapi_offers_the_cookie_beside_the_token(clock):
    services = document(("get", "/orders"), security=[{"bearer": ["orders:read"]}])

    operation = joined({"orders-service": Source(services)}, clock).get()["paths"]["/orders"]["get"]

    assert operation["security"] == [{"bearer": ["orders:read"]}, {"session": ["orders:read"]}]
    assert {"429", "503"} <= set(operation["responses"])


def test_openapi_conflicting_schemas_are_renamed(clock):
    inner = {
        "Box": {
            "properties": {
                "item": {"$ref": "#/components/schemas/Item"},
                "all": [{"$ref": "#/components/schemas/Problem"}],
            }
        }
    }
    users = document(("get", "/users/me"), schemas={"Item": {"type": "integer"}, **inner})
    users["components"]["schemas"]["Item"]["properties"] = {"next": {"$ref": "#/components/schemas/Item"}}
    whole = joined(
        {"orders-service": Source(document(("get", "/orders"))), "users-service": Source(users)}, clock
    ).get()

    schemas = whole["components"]["schemas"]
    reference = whole["paths"]["/users/me"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]["$ref"]
    assert schemas["Item"] == {"type": "string"}
    assert reference == "#/components/schemas/users-service.Item"
    assert schemas["users-service.Item"]["properties"]["next"]["$ref"] == reference
    assert schemas["Box"]["properties"]["item"]["$ref"] == reference
    assert schemas["Problem"] == PROBLEM


def test_openapi_is_cached(clock):
    source = Source(document(("get", "/orders")))
    documents = joined({"orders-service": source}, clock)

    documents.get()
    documents.get()
    clock.advance(CACHE_SECONDS + 1)
    documents.get()

    assert source.calls == 2


def test_openapi_of_a_service_down_is_the_last(clock):
    source = Source(document(("get", "/orders")))
    documents = joined({"orders-service": source, "users-service": Source(OSError("down"))}, clock)
    first = documents.get()
    source.value = OSError("down")
    clock.advance(CACHE_SECONDS + 1)

    assert set(first["paths"]) == {"/orders"}
    assert documents.get() == first


def test_openapi_during_fetch_is_the_cached(clock):
    documents = joined({"orders-service": Source(document(("get", "/orders")))}, clock)
    first = documents.get()
    clock.advance(CACHE_SECONDS + 1)

    with documents._lock:
        assert documents.get() is first
