"""Keys and list spoiled in every way: the last good value goes on, and where there is none the answer is 503.

All rows run side by side, each with a mint and a verifier of its own, for most of a row is waiting.
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
PATIENCE = 60.0  # an answer that was to be held for 25 s and never ends is given up after 30
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
    "in an encoding that was not asked for": {"headers": {"Content-Encoding": "gzip"}},
    "not modified, though nothing was known": {"status": 304, "body": b"", "etag": False},
    "redirecting": {"status": 302, "body": b"", "headers": {"Location": "/elsewhere"}},
    "redirecting to another host": {"status": 307, "body": b"", "headers": {"Location": "ELSEWHERE"}},
}
HELD = ("slow", "trickling")  # nobody asks again before these are given up
ROWS = [(document, fault) for document in DOCUMENTS for fault in FAULTS]


@pytest.fixture(scope="module")
def elsewhere():
    """Another host, which serves keys and a list of its own wherever it is asked, and hopes to be."""
    stranger = TokenSigner("http://elsewhere.example", make_rsa(which=1))
    with FakeIssuer(signer=stranger) as server:
        server.open_list()
        yield server


def spoil(issuer, path, elsewhere, fault):
    """Spoil the document, and another answer than before, so that whoever waits meets it."""
    changes = {"body": issuer.server.documents[path].body + b"\n", **FAULTS[fault]}
    if "headers" in changes:
        there = elsewhere.url + path
        changes["headers"] = {n: v.replace("ELSEWHERE", there) for n, v in changes["headers"].items()}
    return issuer.server.spoil(path, **changes)


def after_a_good_value(issuer, path, elsewhere, fault):
    """What is answered while the document is spoiled: to a good token, to a revoked one. Then that a change is heard of."""
    issuer.server.revoke(REVOKED)
    api, good, revoked = issuer.api(clock=time.monotonic), issuer.token(GOOD), issuer.token(REVOKED)
    wait_for(lambda: api(good).status_code == 200, PATIENCE)
    asked = issuer.server.requests[path]
    spoil(issuer, path, elsewhere, fault)
    if fault not in HELD:
        wait_for(lambda: issuer.server.requests[path] >= asked + 2, PATIENCE, "two more requests")
    during = [api(good).status_code, api(revoked).status_code]
    if path == JWKS_PATH:
        issuer.server.publish(path, TokenSigner(key=make_rsa(which=2)).jwks())
    else:
        issuer.server.revoke(GOOD)
    wait_for(lambda: api(good).status_code == 401, PATIENCE, "the change")
    assert "/elsewhere" not in issuer.server.requests
    return during


def without_any(issuer, path, elsewhere, fault):
    """What is answered at first to a good token. Then that the document, once it is whole, is all that it takes."""
    healthy = spoil(issuer, path, elsewhere, fault)
    api, good = issuer.api(clock=time.monotonic), issuer.token(GOOD)
    first = api(good)
    issuer.server.mend(path, healthy)
    wait_for(lambda: api(good).status_code == 200, PATIENCE, "the document")
    return first


@pytest.fixture(scope="module")
def outcome(make_issuer, elsewhere):
    """`outcome(course, document, fault)`: what came of that row."""
    with ThreadPoolExecutor(len(ROWS) * 2) as pool:
        running = {
            (course, *row): pool.submit(course, make_issuer(), DOCUMENTS[row[0]], elsewhere, row[1])
            for course in (without_any, after_a_good_value)
            for row in ROWS
        }
        yield lambda *row: running[row].result()


@pytest.mark.parametrize(("document", "fault"), ROWS)
def test_last_good_document_counts_until_change(outcome, document, fault):
    assert outcome(after_a_good_value, document, fault) == [200, 401]


@pytest.mark.parametrize(("document", "fault"), ROWS)
def test_missing_document_is_503(outcome, problem, retry_later, document, fault):
    answer = outcome(without_any, document, fault)

    assert retry_later(answer)
    assert problem(answer)[1] == {"keys": "keys_unavailable", "list": "status_unavailable"}[document]


def test_redirect_to_other_host_is_not_followed(outcome, elsewhere):
    for course, document in [(c, d) for c in (without_any, after_a_good_value) for d in DOCUMENTS]:
        outcome(course, document, "redirecting to another host")

    assert not elsewhere.requests
