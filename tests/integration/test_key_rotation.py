"""A signing key is rotated while requests run and nobody notices; a withdrawn one is refused everywhere."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from testkit.concurrency import wait_for

GUARDED = [("users-service", "/users/me"), ("orders-service", "/orders")]
AFTERWARDS = 25  # answers to tokens of the new key before we believe it


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


@pytest.fixture
def places(breakable, client_at):
    """Everything that a token opens: each service directly, and through the gateway."""
    return [
        (lambda token, base=base, path=path: client_at(base)("GET", path, token=token).status_code)
        for service, path in GUARDED
        for base in (breakable.urls[service], breakable.gateway)
    ]


@pytest.fixture
def traffic(customer, places):
    """Requests that never stop, with a token fresh from the mint each time: counts of (kid, status)."""
    seen, stop = Counter(), threading.Event()

    def run(number):
        turn = number
        while not stop.is_set():
            token = customer.log_in()["access_token"]
            for _ in range(3):
                turn += 1
                seen[kid_of(token), places[turn % len(places)](token)] += 1

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    yield seen
    stop.set()
    for thread in threads:
        thread.join()


def test_rotation_under_load_refuses_no_token(breakable, customer, traffic, places):
    old = customer.log_in()["access_token"]

    breakable.cli("auth-service", "keys", "rotate")

    wait_for(
        lambda: sum(n for (kid, _), n in traffic.items() if kid != kid_of(old)) >= AFTERWARDS,
        60,
        "the new key",
    )
    assert {status for _, status in traffic} == {200}
    assert len({kid for kid, _ in traffic}) == 2
    assert [ask(old) for ask in places] == [200] * len(places)


def test_rotation_ends_wait_for_keys(breakable, client_at):
    gateway = client_at(breakable.gateway)
    known = gateway("GET", "/.well-known/jwks.json")
    waiting = {"If-None-Match": known.headers["ETag"], "Prefer": "wait=25"}

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(gateway, "GET", "/.well-known/jwks.json", headers=waiting)
        breakable.cli("auth-service", "keys", "rotate")
        answer = held.result()

    before, after = ({k["kid"] for k in a.json()["keys"]} for a in (known, answer))
    assert len(after - before) == 1


def test_keys_list_shows_states(breakable, client_at):
    published = {
        k["kid"] for k in client_at(breakable.gateway)("GET", "/.well-known/jwks.json").json()["keys"]
    }

    listed = breakable.cli("auth-service", "keys", "list").stdout

    assert {kid for kid in published if kid in listed} == published
    assert re.search(r"\bcurrent\b", listed)
    assert "PRIVATE" not in listed


def test_withdrawn_key_is_refused_everywhere(breakable, client_at, customer, places):
    old = customer.log_in()["access_token"]
    breakable.cli("auth-service", "keys", "rotate")

    breakable.cli("auth-service", "keys", "withdraw", kid_of(old))

    wait_for(
        lambda: [ask(old) for ask in places] == [401] * len(places), what="the refusal of the withdrawn key"
    )

    def new_token_opens_all():
        token = customer.log_in()["access_token"]
        return kid_of(token) != kid_of(old) and [ask(token) for ask in places] == [200] * len(places)

    wait_for(new_token_opens_all, what="tokens of the next key")
    keys = client_at(breakable.gateway)("GET", "/.well-known/jwks.json").json()["keys"]
    assert kid_of(old) not in {k["kid"] for k in keys}


def test_withdrawn_key_ends_its_status_list(breakable, client_at, customer, places):
    gateway, path = client_at(breakable.gateway), "/status-lists/1"

    def token_and_list_of_one_key():
        """A list is signed again when a bit changes, and a key that was made before may begin to sign at any moment."""
        staying, ended = (customer.log_in()["access_token"] for _ in range(2))
        assert gateway("POST", "/logout", token=ended).status_code == 204
        wait_for(lambda: [ask(ended) for ask in places] == [401] * len(places), what="its bit in the list")
        known = gateway("GET", path)
        return (staying, known) if kid_of(staying) == kid_of(known.text) else None

    staying, known = wait_for(token_and_list_of_one_key, what="a token and a list of the same key")
    assert [ask(staying) for ask in places] == [200] * len(places)
    waiting = {"If-None-Match": known.headers["ETag"], "Prefer": "wait=25"}
    breakable.cli("auth-service", "keys", "rotate")

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(gateway, "GET", path, headers=waiting)
        breakable.cli("auth-service", "keys", "withdraw", kid_of(known.text))
        answer = held.result()

    assert answer.status_code == 200
    assert kid_of(answer.text) != kid_of(known.text)
    wait_for(lambda: [ask(staying) for ask in places] == [401] * len(places), what="the refusal of the key")
    going_on, ended = (customer.log_in()["access_token"] for _ in range(2))
    wait_for(lambda: [ask(going_on) for ask in places] == [200] * len(places), what="tokens of the next key")
    assert gateway("POST", "/logout", token=ended).status_code == 204
    wait_for(lambda: [ask(ended) for ask in places] == [401] * len(places), what="a bit in the next list")
    assert [ask(going_on) for ask in places] == [200] * len(places)
