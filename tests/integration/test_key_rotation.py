"""A rotation under load refuses no valid token; a withdrawn key is refused everywhere."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from testkit.concurrency import repeated, wait_for
from testkit.token_signer import kid_of

GUARDED = [("users-service", "/users/me"), ("orders-service", "/orders")]
AFTERWARDS = 25  # answers to tokens of the new key that are counted


@pytest.fixture
def places(breakable, client_at):
    """Functions that send a token to each service, directly and through the gateway, and return the status."""
    return [
        (lambda token, base=base, path=path: client_at(base)("GET", path, token=token).status_code)
        for service, path in GUARDED
        for base in (breakable.urls[service], breakable.gateway)
    ]


@pytest.fixture
def statuses(places):
    """`statuses(token)`: the different statuses that a token gets at all places."""
    return lambda token: {place(token) for place in places}


@pytest.fixture
def traffic(customer, places):
    """Continuous requests, each time with a new token: counts of (kid, status)."""
    seen = Counter()

    def send():
        token = customer.log_in()["access_token"]
        for place in places:
            seen[kid_of(token), place(token)] += 1

    with repeated(send, threads=3):
        yield seen


def test_rotation_under_load_refuses_no_token(breakable, customer, traffic, statuses):
    old = customer.log_in()["access_token"]

    breakable.cli("auth-service", "keys", "rotate")

    def new_key_answers():
        return sum(n for (kid, _), n in list(traffic.items()) if kid != kid_of(old))

    wait_for(lambda: new_key_answers() >= AFTERWARDS, 60, "the new key")
    assert {status for _, status in list(traffic)} == {200}
    assert len({kid for kid, _ in list(traffic)}) == 2
    assert statuses(old) == {200}


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


def test_withdrawn_key_is_refused_everywhere(breakable, client_at, customer, statuses):
    old = customer.log_in()["access_token"]
    breakable.cli("auth-service", "keys", "rotate")

    breakable.cli("auth-service", "keys", "withdraw", kid_of(old))

    wait_for(lambda: statuses(old) == {401}, what="the refusal of the withdrawn key")

    def new_token_opens_all():
        token = customer.log_in()["access_token"]
        return kid_of(token) != kid_of(old) and statuses(token) == {200}

    wait_for(new_token_opens_all, what="tokens of the next key")
    keys = client_at(breakable.gateway)("GET", "/.well-known/jwks.json").json()["keys"]
    assert kid_of(old) not in {k["kid"] for k in keys}


def test_withdrawn_key_ends_its_status_list(breakable, client_at, customer, statuses):
    gateway, path = client_at(breakable.gateway), "/status-lists/1"

    def token_and_list_of_one_key():
        """Return a token and a list that one key signed: a list is signed when a bit changes, and the current key may change."""
        staying, ended = (customer.log_in()["access_token"] for _ in range(2))
        assert gateway("POST", "/logout", token=ended).status_code == 204
        wait_for(lambda: statuses(ended) == {401}, what="its bit in the list")
        known = gateway("GET", path)
        return (staying, known) if kid_of(staying) == kid_of(known.text) else None

    staying, known = wait_for(token_and_list_of_one_key, what="a token and a list of the same key")
    assert statuses(staying) == {200}
    waiting = {"If-None-Match": known.headers["ETag"], "Prefer": "wait=25"}
    breakable.cli("auth-service", "keys", "rotate")

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(gateway, "GET", path, headers=waiting)
        breakable.cli("auth-service", "keys", "withdraw", kid_of(known.text))
        answer = held.result()

    assert answer.status_code == 200
    assert kid_of(answer.text) != kid_of(known.text)
    wait_for(lambda: statuses(staying) == {401}, what="the refusal of the key")
    remaining, ended = (customer.log_in()["access_token"] for _ in range(2))
    wait_for(lambda: statuses(remaining) == {200}, what="tokens of the next key")
    assert gateway("POST", "/logout", token=ended).status_code == 204
    wait_for(lambda: statuses(ended) == {401}, what="a bit in the next list")
    assert statuses(remaining) == {200}
