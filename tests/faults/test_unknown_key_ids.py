"""Ten thousand tokens that name ten thousand keys: the mint is asked once in ten seconds, and good tokens go on."""

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import b64
from testkit.token_signer import TokenSigner

TOKENS = 10_000
WORKERS = 8
EARLY_EVERY = 10  # seconds


@pytest.fixture
def signer():
    return TokenSigner("http://localhost:8080", audience="users-service")


@pytest.fixture
def issuer(signer):
    with FakeIssuer(signer=signer, long_poll=True) as server:
        server.open_list()
        yield server


@pytest.fixture
def users(signer, issuer):
    """The address of a users-service that follows the issuer."""
    settings = {"ISSUER": signer.issuer, "ISSUER_BACKCHANNEL": issuer.url, "RATE_LIMITS": "off"}
    with ForkedCluster(settings, services=["users-service"], make_keys=False) as cluster:
        yield cluster.urls["users-service"]


@pytest.fixture
def asker(users, raw_client):
    """`asker()`: over a connection of its own, a function that gives the status of the answer to a token."""

    def connect():
        line = raw_client(users)
        return lambda token: (
            line("GET", "/users/me", ("Host", "x"), ("Authorization", f"Bearer {token}")).status
        )

    return connect


def strange(signer):
    """Tokens that are good but for their signature and the random name of their key."""
    _, payload, signature = signer.sign(signer.claims(status=1)).split(".")
    while True:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": secrets.token_urlsafe(32)}
        yield f"{b64(json.dumps(header).encode())}.{payload}.{signature}"


def test_unknown_key_ids_cause_one_fetch_in_10_s(signer, issuer, asker):
    good, stop, answered, first = signer.sign(signer.claims(status=2)), threading.Event(), [], asker()
    wait_for(lambda: first(good) == 200, what="the service")
    issuer.seen.clear()

    def go_on():
        while not stop.is_set():
            answered.append(first(good))

    def flood(_):
        ask, tokens = asker(), strange(signer)
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
