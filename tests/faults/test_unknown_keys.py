"""Ten thousand tokens that name ten thousand keys: the mint is asked once in ten seconds, and good tokens go on."""

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from testkit.callers import Wire
from testkit.cluster import Cluster
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import b64
from testkit.mint import Mint

TOKENS = 10_000
WORKERS = 8
EARLY_EVERY = 10  # seconds


@pytest.fixture
def mint():
    return Mint("http://localhost:8080", audience="users-service")


@pytest.fixture
def issuer(mint):
    with FakeIssuer(mint=mint, long_poll=True) as server:
        server.open_list()
        yield server


@pytest.fixture
def users(mint, issuer):
    """The address of a users-service that follows the issuer."""
    settings = {"ISSUER": mint.issuer, "ISSUER_BACKCHANNEL": issuer.url, "RATE_LIMITS": "off"}
    with Cluster(settings, services=["users-service"], make_keys=False) as cluster:
        yield cluster.urls["users-service"]


@pytest.fixture
def ask(users, wire):
    """`ask(wire, token)`: the status of the answer over a connection of one's own."""

    def send(line, token):
        return line("GET", "/users/me", ("Host", "x"), ("Authorization", f"Bearer {token}")).status

    return send


def strange(mint):
    """Tokens that are good but for their signature and the random name of their key."""
    _, payload, signature = mint.sign(mint.claims(status=1)).split(".")
    while True:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": secrets.token_urlsafe(32)}
        yield f"{b64(json.dumps(header).encode())}.{payload}.{signature}"


def test_ten_thousand_unknown_keys_cause_one_fetch_in_ten_seconds_and_good_tokens_go_on(
    users, mint, issuer, ask, until
):
    good, stop, answered = mint.sign(mint.claims(status=2)), threading.Event(), []
    until(lambda: ask(Wire(users), good) == 200, hope="the service")
    issuer.seen.clear()

    def go_on():
        line = Wire(users)
        while not stop.is_set():
            answered.append(ask(line, good))
        line.close()

    def flood(_):
        line, tokens = Wire(users), strange(mint)
        statuses = {ask(line, next(tokens)) for _ in range(TOKENS // WORKERS)}
        line.close()
        return statuses

    began = time.monotonic()
    witness = threading.Thread(target=go_on)
    witness.start()
    with ThreadPoolExecutor(WORKERS) as pool:
        refused = set().union(*pool.map(flood, range(WORKERS)))
    stop.set()
    witness.join()
    took = time.monotonic() - began

    assert refused == {401}
    assert set(answered) == {200}
    out_of_turn = [headers for path, headers in issuer.seen if path == JWKS_PATH and "Prefer" not in headers]
    assert 1 <= len(out_of_turn) <= 1 + took / EARLY_EVERY
