"""Every service refuses tokens for other services, directly and through the gateway."""

import pytest
from testkit.token_signer import claims_of

SERVICES = ["auth-service", "users-service", "orders-service"]


@pytest.mark.parametrize("narrowed", ["resource", "audience"])
@pytest.mark.parametrize("audience", SERVICES)
def test_token_opens_only_its_audience(route, alice, raw_client, audience, narrowed):
    token = alice.log_in(**{narrowed: audience})["access_token"]

    answer = raw_client(route.url)(route.method, route.path, ("Authorization", f"Bearer {token}"))

    assert claims_of(token)["aud"] in (audience, [audience])
    assert answer.status == (route.success if audience == route.service else 401)


@pytest.mark.parametrize(
    "others", [SERVICES[1:], SERVICES[:1] + SERVICES[2:], SERVICES[:2]], ids=" and ".join
)
def test_token_for_two_services_is_refused_by_third(route, alice, raw_client, others):
    token = alice.log_in(resource=others)["access_token"]

    answer = raw_client(route.url)(route.method, route.path, ("Authorization", f"Bearer {token}"))

    assert answer.status == (route.success if route.service in others else 401)


@pytest.mark.compose
def test_log_in_without_audience_opens_all(alice):
    assert set(claims_of(alice.token)["aud"]) >= set(SERVICES)


@pytest.mark.compose
@pytest.mark.parametrize(
    "unknown", ["gateway", "unknown", "", ["orders-service", "unknown"], "orders-service users-service"]
)
def test_unknown_audience_is_invalid_target(alice, gateway, unknown):
    answer = gateway("POST", "/login", json={**alice.credentials, "resource": unknown})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.compose
@pytest.mark.parametrize("scope", ["admin", "users:read", "orders:read admin", "everything"])
def test_customer_cannot_widen_scope(alice, gateway, scope):
    answer = gateway("POST", "/login", json={**alice.credentials, "scope": scope})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.compose
def test_narrow_scope_is_enforced(alice, gateway):
    answer = alice.log_in(scope="orders:read")

    orders = gateway("GET", "/orders", token=answer["access_token"])
    refused = gateway("GET", "/users/me", token=answer["access_token"])

    assert answer["scope"] == "orders:read"
    assert (orders.status_code, refused.status_code) == (200, 403)
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert refused.headers["Content-Type"] == "application/problem+json"
