"""Ten thousand tokens with unknown key IDs: one fetch of the keys in ten seconds, and good tokens are accepted."""

import json
import secrets
import time

import pytest
from testkit.concurrency import at_once, repeated, wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import b64
from testkit.token_signer import TokenSigner

TOKENS = 10_000
WORKERS = 8
FETCH_INTERVAL_SECONDS = 10


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
    """The URL of a users-service that follows the issuer."""
    settings = {"ISSUER": signer.issuer, "ISSUER_BACKCHANNEL": issuer.url, "RATE_LIMITS": "off"}
    with ForkedCluster(settings, services=["users-service"], make_keys=False) as cluster:
        yield cluster.urls["users-service"]


@pytest.fixture
def connect(users, raw_client):
    """`connect()`: a new connection, as a function from a token to the status of the answer."""

    def new():
        client = raw_client(users)
        return lambda token: (
            client("GET", "/users/me", ("Host", "x"), ("Authorization", f"Bearer {token}")).status
        )

    return new


def unknown_keys(signer):
    """Yield tokens that are valid but for their signature and a random key ID."""
    _, payload, signature = signer.sign(signer.claims(status=1)).split(".")
    while True:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": secrets.token_urlsafe(32)}
        yield f"{b64(json.dumps(header).encode())}.{payload}.{signature}"


def test_unknown_key_ids_cause_one_fetch_in_10_s(signer, issuer, connect):
    good, statuses, first = signer.sign(signer.claims(status=2)), [], connect()
    wait_for(lambda: first(good) == 200, what="the service")
    issuer.seen.clear()

    def flood():
        send, tokens = connect(), unknown_keys(signer)
        return {send(next(tokens)) for _ in range(TOKENS // WORKERS)}

    start = time.monotonic()
    with repeated(lambda: statuses.append(first(good))):
        refused = set().union(*at_once(WORKERS, flood))
    seconds = time.monotonic() - start

    assert refused == {401}
    assert set(statuses) == {200}
    on_demand = [headers for path, headers in issuer.seen if path == JWKS_PATH and "Prefer" not in headers]
    assert 1 <= len(on_demand) <= 1 + seconds / FETCH_INTERVAL_SECONDS
