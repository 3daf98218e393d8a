"""Ten thousand tokens that name ten thousand keys: the mint is asked once in ten seconds, and good tokens go on."""

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import b64
from testkit.mint import Mint
from testkit.preloaded import Cluster

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
def asker(users, wire):
    """`asker()`: over a connection of its own, a function that gives the status of the answer to a token."""

    def connect():
        line = wire(users)
        return lambda token: (
            line("GET", "/users/me", ("Host", "x"), ("Authorization", f"Bearer {token}")).status
        )

    return connect


def strange(mint):
    """Tokens that are good but for their signature and the random name of their key."""
    _, payload, signature = mint.sign(mint.claims(status=1)).split(".")
    while True:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": secrets.token_urlsafe(32)}
        yield f"{b64(json.dumps(header).encode())}.{payload}.{signature}"


def test_ten_thousand_unknown_keys_cause_one_fetch_in_ten_seconds_and_good_tokens_go_on(
    mint, issuer, asker, until
):
    good, stop, answered, first = mint.sign(mint.claims(status=2)), threading.Event(), [], asker()
    until(lambda: first(good) == 200, hope="the service")
    issuer.seen.clear()

    def go_on():
        while not stop.is_set():
            answered.append(first(good))

    def flood(_):
        ask, tokens = asker(), strange(mint)
        return {ask(next(tokens)) for _ in range(TOKENS // WORKERS)}

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
