"""Every service refuses every other service's tokens, whatever door they come through."""

import pytest
from testkit.token_signer import claims_of

SERVICES = ["auth-service", "users-service", "orders-service"]


@pytest.mark.parametrize("narrowed", ["resource", "audience"])
@pytest.mark.parametrize("audience", SERVICES)
def test_a_token_opens_the_one_service_that_it_was_made_for(route, alice, raw_client, audience, narrowed):
    token = alice.log_in(**{narrowed: audience})["access_token"]

    answer = raw_client(route.url)(route.method, route.path, ("Authorization", f"Bearer {token}"))

    assert claims_of(token)["aud"] in (audience, [audience])
    assert answer.status == (route.success if audience == route.service else 401)


@pytest.mark.parametrize(
    "others", [SERVICES[1:], SERVICES[:1] + SERVICES[2:], SERVICES[:2]], ids=" and ".join
)
def test_a_token_for_two_services_is_refused_by_the_third(route, alice, raw_client, others):
    token = alice.log_in(resource=others)["access_token"]

    answer = raw_client(route.url)(route.method, route.path, ("Authorization", f"Bearer {token}"))

    assert answer.status == (route.success if route.service in others else 401)


@pytest.mark.compose
def test_a_log_in_for_nothing_in_particular_opens_all_of_them(alice):
    assert sorted(claims_of(alice.token)["aud"]) == sorted(SERVICES)


@pytest.mark.compose
@pytest.mark.parametrize(
    "unknown", ["gateway", "nobody", "", ["orders-service", "nobody"], "orders-service users-service"]
)
def test_a_log_in_for_an_unknown_audience_is_refused_in_oauths_form(alice, gateway, unknown):
    answer = gateway(
        "POST", "/login", json={"email": alice.email, "password": alice.password, "resource": unknown}
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.compose
@pytest.mark.parametrize("scope", ["admin", "users:read", "orders:read admin", "everything"])
def test_a_customer_cannot_ask_for_more_than_a_customer_has(alice, gateway, scope):
    answer = gateway(
        "POST", "/login", json={"email": alice.email, "password": alice.password, "scope": scope}
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.compose
def test_a_narrower_scope_narrows_what_the_token_opens(alice, gateway):
    answer = alice.log_in(scope="orders:read")

    orders = gateway("GET", "/orders", token=answer["access_token"])
    refused = gateway("GET", "/users/me", token=answer["access_token"])

    assert answer["scope"] == "orders:read"
    assert (orders.status_code, refused.status_code) == (200, 403)
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert refused.headers["Content-Type"] == "application/problem+json"
