"""What an operator does, while people go on working."""

import threading
import time

import pytest
from testkit.concurrency import wait_for

UP = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"


@pytest.fixture
def pressure(gateway, alice):
    """`pressure(work)`: the statuses that a reader of orders sees while the work is done."""

    def during(work):
        token, stop, statuses = alice.token, threading.Event(), []

        def read():
            while not stop.is_set():
                statuses.append(gateway("GET", "/orders", token=token).status_code)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            work()
        finally:
            stop.set()
            reader.join()
        return statuses

    return during


@pytest.fixture
def mint_back(compose, gateway):
    """Whatever a test did to the mint, it serves again afterwards."""
    yield
    compose("up", "-d", "--no-recreate", "--no-deps", "--wait", "auth-service")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)


@pytest.fixture
def one_again(compose):
    yield
    compose(
        "up", "-d", "--no-recreate", "--no-deps", "--wait", "--scale", "orders-service=1", "orders-service"
    )


def test_two_orders_services_take_orders(compose, alice, place_order, one_again):
    compose(
        "up", "-d", "--no-recreate", "--no-deps", "--wait", "--scale", "orders-service=2", "orders-service"
    )
    assert len(compose.inspect("orders-service")) == 2
    assert {place_order(alice.token).status_code for _ in range(20)} == {201}


def test_two_orders_services_share_idempotency_key(compose, alice, place_order, one_again):
    compose(
        "up", "-d", "--no-recreate", "--no-deps", "--wait", "--scale", "orders-service=2", "orders-service"
    )
    key = f"compose-{time.time_ns()}"
    assert len({place_order(alice.token, key=key).json()["id"] for _ in range(10)}) == 1


def test_token_valid_while_auth_service_restarts(compose, pressure, mint_back):
    statuses = pressure(lambda: compose("restart", "auth-service"))
    assert set(statuses) == {200}


def test_key_rotation_fails_no_request(compose, gateway, pressure, new_user):
    before = {key["kid"] for key in gateway("GET", "/.well-known/jwks.json").json()["keys"]}

    def rotate():
        compose.inside("auth-service", "flask", "--app", "auth_service", "keys", "rotate")
        wait_for(lambda: len(gateway("GET", "/.well-known/jwks.json").json()["keys"]) > len(before))

    assert set(pressure(rotate)) == {200}
    assert gateway("GET", "/orders", token=new_user().token).status_code == 200


def test_auth_service_stopped_tokens_stay_valid(compose, gateway, alice, mint_back):
    token = alice.token
    compose("stop", "auth-service")
    answer = gateway("POST", "/login", json={"email": alice.email, "password": alice.password})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert gateway("GET", "/orders", token=token).status_code == 200
    assert gateway("GET", "/users/me", token=token).status_code == 200
    compose("start", "auth-service")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)
    assert alice.log_in()["access_token"]


def test_verifiers_restart_from_snapshots(compose, gateway, alice, mint_back):
    token, verifiers = alice.token, ("users-service", "orders-service", "gateway")
    assert gateway("GET", "/orders", token=token).status_code == 200
    assert gateway("GET", "/users/me", token=token).status_code == 200
    for verifier in verifiers:  # its keys and the list of the token
        wait_for(lambda v=verifier: len(compose.inside(v, "ls", "/snapshots").stdout.split()) >= 2)
    compose("stop", "auth-service")

    compose("restart", *verifiers)

    # connections to a gateway that starts are reset, and a token tells nothing before the services are up
    wait_for(lambda: compose.python("gateway", UP).returncode == 0)
    wait_for(lambda: gateway("GET", "/orders", token=token).status_code == 200)
    wait_for(lambda: gateway("GET", "/users/me", token=token).status_code == 200)


def test_keys_and_orders_survive_restart(compose, gateway, alice, place_order):
    order = place_order(alice.token).json()
    kids = {key["kid"] for key in gateway("GET", "/.well-known/jwks.json").json()["keys"]}
    compose("down", "--timeout", "5")
    compose("up", "-d", "--wait")
    wait_for(lambda: gateway("GET", "/.well-known/jwks.json").status_code == 200)
    assert {key["kid"] for key in gateway("GET", "/.well-known/jwks.json").json()["keys"]} >= kids
    assert gateway("GET", f"/orders/{order['id']}", token=alice.token).json()["id"] == order["id"]
