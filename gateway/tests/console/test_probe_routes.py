"""The route by which the console asks a service whether it accepts a token."""

import pytest
from gateway.console.probe_routes import probe_route
from gateway.routing.route import Route, UpstreamRow
from gateway.routing.routes import RouteTable, load_routes

TABLE = load_routes()


@pytest.mark.parametrize("upstream", TABLE.upstreams)
def test_each_service_has_a_route_that_needs_a_token(upstream):
    found = probe_route(TABLE, upstream)
    assert (found.upstream, found.audience is not None) == (upstream, True)
    assert TABLE.find("GET", found.path) is found


@pytest.mark.parametrize(
    ("upstream", "target"),
    [("auth-service", "/account/sessions"), ("users-service", "/users/me"), ("orders-service", "/orders")],
)
def test_route_of_service_is_for_every_person(upstream, target):
    assert probe_route(TABLE, upstream).path == target


@pytest.mark.parametrize(
    "row",
    [
        {"path": "/a", "methods": ["GET"]},
        {"path": "/a", "methods": ["POST"], "audience": "a"},
        {"path": "/a/{id}", "methods": ["GET"], "audience": "a"},
        {"prefix": "/a/", "methods": ["GET"], "audience": "a"},
        {"path": "/a", "methods": ["GET"], "audience": "a", "upstream": "another"},
    ],
)
def test_service_without_such_a_route_has_none(row):
    table = RouteTable([Route(**{"upstream": "a", **row})], {"a": UpstreamRow(settings="A", port=1)})
    assert probe_route(table, "a") is None
