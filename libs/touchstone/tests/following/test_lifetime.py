"""Background threads end with their follower, closed or not."""

import gc
import os
import subprocess
import sys
import threading
import time
from queue import SimpleQueue

import pytest
from flask import Flask
from touchstone import Issuer, IssuerDocuments, Issuers
from touchstone.flask import Touchstone, require
from touchstone.following.follower import Follower, _handle, _refresh, _run
from touchstone.following.transport import plain_session

TEXT = {"Cache-Control": "max-age=3600", "ETag": '"1"'}


@pytest.fixture
def holding(server, response, signer):
    """A server that responds once per path and holds the next request; `.held` counts these, `.over` releases them."""
    over, held = threading.Event(), threading.Semaphore(0)

    def hold():
        held.release()
        over.wait(60)

    uri = f"{server.url}/status-lists/1"
    now = int(time.time())
    listed = signer.list_token(uri, iss=server.url, iat=now, exp=now + 600)

    def begin():
        server.plan(response(200, signer.jwks(), {"ETag": '"1"'}), response(304, before=hold))
        server.plan(response(200, listed, {"ETag": '"1"'}), response(304, before=hold), at="/status-lists/1")

    begin()
    server.held, server.over, server.begin = held, over, begin
    yield server
    over.set()


@pytest.fixture
def polled(server, response, signer):
    """A server that is polled once an hour."""
    server.plan(response(200, signer.jwks(), TEXT), response(304, b"", TEXT))
    return server


@pytest.fixture
def started():
    """`started()`: names of the running touchstone threads that this test has started."""
    before = set(threading.enumerate())

    def names():
        return [each.name for each in set(threading.enumerate()) - before if "touchstone" in each.name]

    return names


@pytest.fixture
def bearer(signer):
    now = int(time.time())

    def make(issuer, **claims):
        return signer.token(**{"iss": issuer, "iat": now, "exp": now + 300, **claims})

    return make


def use_issuer(url, bearer):
    issuer = Issuer(url, audience="orders-service")
    status = {"status_list": {"idx": 1, "uri": f"{url}/status-lists/1"}}
    issuer.verify(bearer(url, status=status))
    return issuer


def use_issuers(url, bearer):
    issuers = Issuers([Issuer(url, audience="orders-service")])
    issuers.verify(bearer(url))
    return issuers


def use_documents(url, bearer):
    documents = IssuerDocuments(url)
    documents.wait_first(None, 10)
    return documents


def use_documents_of_an_issuer(url, bearer):
    return use_issuer(url, bearer).documents


def use_follower(url, bearer):
    follower = Follower(url, bytes)
    assert follower.wait_ready(10)
    return follower


def use_app(url, bearer):
    app = Flask(__name__)
    Touchstone(app, Issuer(url, audience="orders-service"))
    app.get("/")(require()(lambda: "in"))
    headers = {"Authorization": f"Bearer {bearer(url)}"}
    assert app.test_client().get("/", headers=headers).status_code == 200
    return app


USES = [use_issuer, use_issuers, use_documents, use_documents_of_an_issuer, use_follower, use_app]


@pytest.mark.parametrize("use", USES)
def test_dropped_follower_ends_thread_in_wait(holding, bearer, started, eventually, use):
    dropped = use(holding.url, bearer)
    assert holding.held.acquire(timeout=10)
    assert "touchstone-follow" in started()
    del dropped
    gc.collect()
    eventually(lambda: not started())


@pytest.fixture
def no_collection():
    """Disable the garbage collector: objects in a reference cycle stay."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("use", USES[:-1])  # a Flask app is a cycle itself
@pytest.mark.usefixtures("no_collection")
def test_dropped_follower_needs_no_collection(holding, bearer, started, eventually, use):
    dropped = use(holding.url, bearer)
    assert holding.held.acquire(timeout=10)
    assert "touchstone-follow" in started()
    del dropped
    eventually(lambda: not started())


@pytest.mark.parametrize("use", USES[1:3])
def test_dropped_follower_ends_thread_in_pause(polled, bearer, started, eventually, use):
    dropped = use(polled.url, bearer)
    eventually(lambda: polled.counts["/.well-known/jwks.json"] == 2)
    del dropped
    gc.collect()
    eventually(lambda: not started())


def test_dropped_follower_without_value_ends_thread(server, response, started, eventually):
    server.plan(response(500))
    dropped = Issuer(server.url, audience="a")
    dropped.documents.wait_first(None, 10)
    del dropped
    gc.collect()
    eventually(lambda: not started())


def test_dropped_apps_leave_no_threads(holding, bearer, started, eventually):
    apps = []
    for _ in range(10):
        apps.append(use_app(holding.url, bearer))
        assert holding.held.acquire(timeout=10)
        holding.begin()
    apps.clear()
    gc.collect()
    eventually(lambda: not started())


def test_follower_in_use_keeps_following(holding, bearer, started):
    kept = use_issuer(holding.url, bearer)
    gc.collect()
    assert holding.held.acquire(timeout=10)
    assert started().count("touchstone-follow") == 2
    kept.close()


def test_close_ends_wait_quietly(holding, bearer, started, eventually, caplog):
    issuer = use_issuer(holding.url, bearer)
    assert holding.held.acquire(timeout=10)
    issuer.close()
    issuer.close()
    eventually(lambda: not started())
    assert holding.url not in caplog.text
    assert issuer.health()["last_error"] is None


def test_closed_follower_fetches_nothing(server):
    follower = Follower(server.url, bytes)
    follower.close()
    follower.poll()
    assert server.requests == []
    assert (
        follower.last_error == "ConnectionError: the connection was closed before the response was complete"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_child_leaves_waits_of_parent(holding, bearer, eventually):
    kept = [use_issuer(holding.url, bearer)]
    assert holding.held.acquire(timeout=10)
    assert holding.held.acquire(timeout=10)
    child = os.fork()
    if child == 0:
        kept.clear()
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    holding.over.set()
    eventually(lambda: all(each.fetches > 1 for each in kept[0].documents.stats()))
    assert [each.failures for each in kept[0].documents.stats()] == [0, 0]
    kept[0].close()


PROGRAM = """
import sys
from touchstone import Issuer
issuer = Issuer(sys.argv[1], audience="a")
issuer.documents.wait_first(None, 10)
sys.stdin.readline()
"""


def test_process_exits_without_waiting(holding):
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, holding.url],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holding.held.acquire(timeout=20)
    _, output = process.communicate("\n", timeout=20)  # the server would hold its request for a minute
    assert (process.returncode, output) == (0, "")


def test_thread_without_follower_fetches_nothing(server):
    session = plain_session()
    _run(lambda: None, session, SimpleQueue())
    _refresh(lambda: None)
    assert _handle(lambda: None, None, None) == 0.0
    assert server.requests == []
