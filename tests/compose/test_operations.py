"""An operator's actions under load."""

import time

import pytest
from testkit.concurrency import repeated, wait_for

IS_ALIVE = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"


def kids(gateway):
    """Return the IDs of the published keys."""
    return {key["kid"] for key in gateway("GET", "/.well-known/jwks.json").json()["keys"]}


@pytest.fixture
def under_load(gateway, alice):
    """`under_load(action)`: the statuses of continuous requests for orders during the action."""

    def during(action):
        token, statuses = alice.token, []
        with repeated(lambda: statuses.append(gateway("GET", "/orders", token=token).status_code)):
            action()
        return statuses

    return during


@pytest.fixture
def auth_service_restored(compose, gateway):
    """auth-service serves again after the test."""
    yield
    compose.up("auth-service")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)


@pytest.fixture
def one_orders_service(compose):
    yield
    compose.up("--scale", "orders-service=1", "orders-service")


def test_two_orders_services_take_orders(compose, alice, place_order, one_orders_service):
    compose.up("--scale", "orders-service=2", "orders-service")
    assert len(compose.inspect("orders-service")) == 2
    assert {place_order(alice.token).status_code for _ in range(20)} == {201}


def test_two_orders_services_share_idempotency_key(compose, alice, place_order, one_orders_service):
    compose.up("--scale", "orders-service=2", "orders-service")
    key = f"compose-{time.time_ns()}"
    assert len({place_order(alice.token, key=key).json()["id"] for _ in range(10)}) == 1


def test_token_valid_while_auth_service_restarts(compose, under_load, auth_service_restored):
    statuses = under_load(lambda: compose("restart", "auth-service"))
    assert set(statuses) == {200}


def test_key_rotation_fails_no_request(compose, gateway, under_load, new_user):
    before = kids(gateway)

    def rotate():
        compose.inside("auth-service", "flask", "--app", "auth_service", "keys", "rotate")
        wait_for(lambda: len(kids(gateway)) > len(before))

    assert set(under_load(rotate)) == {200}
    assert gateway("GET", "/orders", token=new_user().token).status_code == 200


def test_auth_service_stopped_tokens_stay_valid(compose, gateway, alice, auth_service_restored):
    token = alice.token
    compose("stop", "auth-service")
    answer = gateway("POST", "/login", json=alice.credentials)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert gateway("GET", "/orders", token=token).status_code == 200
    assert gateway("GET", "/users/me", token=token).status_code == 200
    compose("start", "auth-service")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)
    assert alice.log_in()["access_token"]


def test_verifiers_restart_from_snapshots(compose, gateway, alice, auth_service_restored):
    token, verifiers = alice.token, ("users-service", "orders-service", "gateway")
    assert gateway("GET", "/orders", token=token).status_code == 200
    assert gateway("GET", "/users/me", token=token).status_code == 200
    for verifier in verifiers:  # the keys, and the list of the token
        wait_for(lambda v=verifier: len(compose.inside(v, "ls", "/snapshots").stdout.split()) >= 2)
    compose("stop", "auth-service")

    compose("restart", *verifiers)

    # until the gateway and the services are up, connections are reset and tokens are refused
    wait_for(lambda: compose.python("gateway", IS_ALIVE).returncode == 0)
    wait_for(lambda: gateway("GET", "/orders", token=token).status_code == 200)
    wait_for(lambda: gateway("GET", "/users/me", token=token).status_code == 200)


def test_keys_and_orders_survive_restart(compose, gateway, alice, place_order):
    order = place_order(alice.token).json()
    before = kids(gateway)
    compose("down", "--timeout", "5")
    compose("up", "-d", "--wait")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)
    assert kids(gateway) >= before
    assert gateway("GET", f"/orders/{order['id']}", token=alice.token).json()["id"] == order["id"]
