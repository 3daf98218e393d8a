"""The joined OpenAPI document."""

import pytest
from gateway.openapi import FRESH, Documents
from testkit.clock import FakeClock

from gateway import own

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
    return Documents(sources, "http://localhost:8080", "1.2.3", now=clock)


def test_it_holds_the_public_routes_of_each_service_and_no_other(clock):
    sources = {
        "orders-service": Source(
            document(
                ("get", "/orders/{order_id}"), ("get", "/metrics"), ("put", "/orders"), ("get", "/login")
            )
        ),
        "users-service": Source(document(("get", "/users/me"), ("get", "/orders"))),
        "gateway": own.document,
    }

    paths = joined(sources, clock).joined()["paths"]

    assert set(paths) == {"/orders/{order_id}", "/users/me", "/livez", "/readyz", "/openapi.json", "/docs"}
    assert paths["/users/me"]["get"]["operationId"] == "users-service.get_it"
    assert paths["/users/me"]["get"]["tags"] == ["users-service"]


def test_schemas_of_one_name_that_differ_keep_apart(clock):
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
    ).joined()

    schemas = whole["components"]["schemas"]
    reference = whole["paths"]["/users/me"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]["$ref"]
    assert schemas["Item"] == {"type": "string"}
    assert reference == "#/components/schemas/users-service.Item"
    assert schemas["users-service.Item"]["properties"]["next"]["$ref"] == reference
    assert schemas["Box"]["properties"]["item"]["$ref"] == reference
    assert schemas["Problem"] == PROBLEM


def test_it_is_fetched_once_in_a_while(clock):
    source = Source(document(("get", "/orders")))
    documents = joined({"orders-service": source}, clock)

    documents.joined()
    documents.joined()
    clock.advance(FRESH + 1)
    documents.joined()

    assert source.calls == 2


def test_a_service_that_is_down_is_spoken_for_by_what_it_said_last(clock):
    source = Source(document(("get", "/orders")))
    documents = joined({"orders-service": source, "users-service": Source(OSError("down"))}, clock)
    first = documents.joined()
    source.value = OSError("down")
    clock.advance(FRESH + 1)

    assert set(first["paths"]) == {"/orders"}
    assert documents.joined() == first


def test_who_asks_while_another_fetches_gets_what_there_is(clock):
    documents = joined({"orders-service": Source(document(("get", "/orders")))}, clock)
    first = documents.joined()
    clock.advance(FRESH + 1)

    with documents._lock:
        assert documents.joined() is first
