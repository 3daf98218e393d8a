"""Keys change under load, five times over, and no request fails of it."""

import threading
from collections import Counter

import jwt
import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.user import User

ROTATIONS = 5
WORKERS = 2


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


@pytest.fixture
def traffic(services, customer):
    """Requests that never stop, with tokens fresh from the mint and with the first one: counts of (kid, status)."""
    seen, stop = Counter(), threading.Event()
    first = customer.log_in()["access_token"]

    def run():
        while not stop.is_set():
            answer = customer.client_at(
                "POST", "/login", json={"email": customer.email, "password": customer.password}
            )
            token = answer.json().get("access_token", first)
            seen[kid_of(token), answer.status_code] += 1
            for each in (token, first):
                for status in services.statuses(each):
                    seen[kid_of(each), status] += 1

    threads = [threading.Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    yield seen
    stop.set()
    for thread in threads:
        thread.join()


def test_five_rotations_fail_no_request(services, traffic):
    admin = User(services.client(), "admin@example.com", DEMO_PASSWORD)

    for number in range(1, ROTATIONS + 1):
        wait_for(lambda so_far=number: len({kid for kid, _ in list(traffic)}) == so_far, what="the key")
        assert services.client()("POST", "/admin/keys/rotate", token=admin.token).status_code == 201
    wait_for(lambda: len({kid for kid, _ in list(traffic)}) > ROTATIONS, what="the last key")

    assert {status for _, status in list(traffic)} == {200}
    assert len({kid for kid, _ in list(traffic)}) == ROTATIONS + 1
