"""kill -9: acknowledged changes survive, and none is made twice."""

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from testkit.concurrency import wait_for

ACKNOWLEDGED = 40
WORKERS = 4


@pytest.fixture
def acknowledged(breakable, client_at, customer, place_order):
    """The orders acknowledged before orders-service was killed, by idempotency key, and all keys sent."""
    direct, token = client_at(breakable.urls["orders-service"]), customer.token
    orders, keys, stop = {}, [], threading.Event()

    def order():
        while not stop.is_set():
            key = uuid.uuid4().hex
            keys.append(key)
            try:
                answer = place_order(token, at=direct, key=key)
            except requests.RequestException:
                return
            if answer.status_code == 201:
                orders[key] = answer.json()["id"]

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in range(WORKERS):
            pool.submit(order)
        try:
            wait_for(lambda: len(orders) >= ACKNOWLEDGED, what="enough orders")
            breakable.kill_service("orders-service")
        finally:
            stop.set()
    breakable.start_service("orders-service")
    return orders, list(keys)


def all_orders(client, token):
    cursor, found = "", []
    while cursor is not None:
        page = client("GET", f"/orders?limit=100{cursor and '&cursor=' + cursor}", token=token).json()
        found += page["items"]
        cursor = page["next_cursor"]
    return found


def test_acknowledged_orders_survive_kill(acknowledged, breakable, client_at, customer, place_order):
    orders, keys = acknowledged
    direct = client_at(breakable.urls["orders-service"])

    assert set(orders.values()) <= {o["id"] for o in all_orders(direct, customer.token)}

    repeated = {key: place_order(customer.token, at=direct, key=key).json()["id"] for key in keys}

    assert {key: repeated[key] for key in orders} == orders
    there = Counter(o["id"] for o in all_orders(direct, customer.token))
    assert there == Counter(repeated.values())
    assert len(there) == len(keys)


def test_session_survives_kill(breakable, customer):
    session = customer.log_in()
    breakable.kill_service("auth-service")
    breakable.start_service("auth-service")

    assert customer.client("GET", "/users/me", token=session["access_token"]).status_code == 200
    assert customer.refresh(session["refresh_token"]).status_code == 200
