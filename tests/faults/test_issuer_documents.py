"""Broken keys and lists: the last good document counts; without one, the answer is 503.

All rows run at the same time, each with its own issuer and verifier, because they mostly wait.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from testkit.concurrency import wait_for
from testkit.issuer import JWKS_PATH, FakeIssuer
from testkit.keys import make_rsa
from testkit.status_list import list_path
from testkit.token_signer import TokenSigner

GOOD, REVOKED = 1, 2
TIMEOUT_SECONDS = 60.0  # a long poll of 25 s whose answer never ends is given up after 30 s
PAGE = b"<!doctype html><title>Sign in to the network</title><form action=/portal></form>"

DOCUMENTS = {"keys": JWKS_PATH, "list": list_path()}
FAULTS = {
    "slow": {"delay": 90},
    "trickling": {"pace": 0.5},
    "answering 500": {"status": 500},
    "answering 404": {"status": 404},
    "empty": {"body": b""},
    "garbage": {"body": os.urandom(512)},
    "oversized": {"body": b" " * 3_000_000},
    "a page of HTML": {"body": PAGE, "content_type": "text/html"},
    "truncated": {"headers": {"Content-Length": "99999", "Connection": "close"}},
    "compressed": {"headers": {"Content-Encoding": "gzip"}},
    "not modified, without a condition": {"status": 304, "body": b"", "etag": False},
    "redirecting": {"status": 302, "body": b"", "headers": {"Location": "/elsewhere"}},
    "redirecting to another host": {"status": 307, "body": b"", "headers": {"Location": "ELSEWHERE"}},
}
HELD = ("slow", "trickling")  # the next request follows when these are given up
ROWS = [(document, fault) for document in DOCUMENTS for fault in FAULTS]


@pytest.fixture(scope="module")
def elsewhere():
    """Another host, with keys and a list."""
    with FakeIssuer(signer=TokenSigner("http://elsewhere.example", make_rsa(which=1))) as server:
        server.open_list()
        yield server


def break_document(issuer, path, elsewhere, fault):
    """Break the document; the change also ends waits for it."""
    changes = {"body": issuer.server.documents[path].body + b"\n", **FAULTS[fault]}
    if "headers" in changes:
        url = elsewhere.url + path
        changes["headers"] = {n: v.replace("ELSEWHERE", url) for n, v in changes["headers"].items()}
    return issuer.server.change(path, **changes)


def with_last_document(issuer, path, elsewhere, fault):
    """Return the statuses of a good and a revoked token while the document is broken; then wait for a change of it."""
    issuer.server.revoke(REVOKED)
    api, good, revoked = issuer.api(clock=time.monotonic), issuer.token(GOOD), issuer.token(REVOKED)
    wait_for(lambda: api(good).status_code == 200, TIMEOUT_SECONDS)
    before = issuer.server.requests[path]
    break_document(issuer, path, elsewhere, fault)
    if fault not in HELD:
        wait_for(lambda: issuer.server.requests[path] >= before + 2, TIMEOUT_SECONDS, "two more requests")
    during = [api(good).status_code, api(revoked).status_code]
    if path == JWKS_PATH:
        issuer.server.publish(path, TokenSigner(key=make_rsa(which=2)).jwks())
    else:
        issuer.server.revoke(GOOD)
    wait_for(lambda: api(good).status_code == 401, TIMEOUT_SECONDS, "the change")
    assert "/elsewhere" not in issuer.server.requests
    return during


def without_document(issuer, path, elsewhere, fault):
    """Return the answer to a good token while the document is broken; then restore it and wait until the token is accepted."""
    healthy = break_document(issuer, path, elsewhere, fault)
    api, good = issuer.api(clock=time.monotonic), issuer.token(GOOD)
    first = api(good)
    issuer.server.restore(path, healthy)
    wait_for(lambda: api(good).status_code == 200, TIMEOUT_SECONDS, "the document")
    return first


@pytest.fixture(scope="module")
def outcome(make_issuer, elsewhere):
    """`outcome(scenario, document, fault)`: the result of that row."""
    with ThreadPoolExecutor(len(ROWS) * 2) as pool:
        running = {
            (scenario, *row): pool.submit(scenario, make_issuer(), DOCUMENTS[row[0]], elsewhere, row[1])
            for scenario in (without_document, with_last_document)
            for row in ROWS
        }
        yield lambda *row: running[row].result()


@pytest.mark.parametrize(("document", "fault"), ROWS)
def test_last_good_document_counts_until_change(outcome, document, fault):
    assert outcome(with_last_document, document, fault) == [200, 401]


@pytest.mark.parametrize(("document", "fault"), ROWS)
def test_missing_document_is_503(outcome, problem, retry_later, document, fault):
    answer = outcome(without_document, document, fault)

    assert retry_later(answer)
    assert problem(answer)[1] == {"keys": "keys_unavailable", "list": "status_unavailable"}[document]


def test_redirect_to_other_host_is_not_followed(outcome, elsewhere):
    for scenario, document in [(c, d) for c in (without_document, with_last_document) for d in DOCUMENTS]:
        outcome(scenario, document, "redirecting to another host")

    assert not elsewhere.requests
