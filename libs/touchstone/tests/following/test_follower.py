"""Following one document over real HTTP: requests, values, intervals and background threads."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from touchstone.following.follower import Follower, _after_fork
from touchstone.following.snapshot import Snapshot
from touchstone.following.transport import plain_session

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")


def parse(body):
    if body.startswith(b"bad"):
        raise ValueError("not a document")
    if body == b"bug":
        raise KeyError("a bug")
    return body.decode()


@pytest.fixture
def follower(server, make_clock):
    """A follower with a manual clock and without jitter."""
    clock = make_clock(1000)
    following = Follower(
        server.url, parse, max_bytes=100, default_interval=50, clock=clock, jitter=lambda: 0.0
    )
    following.test_clock = clock
    yield following
    following.close()


@pytest.fixture
def document(response):
    """`document(body, etag, …)`: a planned response with an entity tag."""

    def make(body=b"one", etag='"1"', status=200, before=lambda: None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return response(status, body, {**({"ETag": etag} if etag else {}), **named}, before)

    return make


def held(follower):
    """Move the clock as if the server had waited for 25 seconds."""
    return lambda: follower.test_clock.advance(25)


def test_constructor_fetches_nothing(follower, server):
    assert server.requests == []
    assert follower.age is None
    assert follower.last_error is None


def test_first_fetch_is_unconditional(follower, server, document):
    server.plan(document())
    assert follower.poll() == pytest.approx(0.05)
    assert follower._value == "one"
    assert not {"If-None-Match", "Prefer"} & server.requests[0].keys()


def test_next_fetch_is_conditional_and_waits(follower, server, document):
    server.plan(document())
    follower.poll()
    follower.poll()
    assert server.requests[1]["If-None-Match"] == '"1"'
    assert server.requests[1]["Prefer"] == "wait=25"


def test_held_response_is_followed_at_once(follower, server, document):
    server.plan(document(), document(status=304, before=held(follower)))
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)
    assert follower.value == "one"


@pytest.mark.parametrize(
    ("cache_control", "interval"),
    [
        ("max-age=60", 60),
        ("public, max-age=120, must-revalidate", 120),
        ("Max-Age=60", 60),
        ("max-age=1", 1),
        ("max-age=0", 50),
        ("max-age=999999", 3600),
        ("s-maxage=7", 50),
        ("max-age=abc", 50),
        ("no-store", 50),
        ("", 50),
    ],
)
def test_polled_server_max_age_is_interval(follower, server, document, cache_control, interval):
    server.plan(document(), document(status=304, Cache_Control=cache_control))
    follower.poll()
    assert follower.poll() == pytest.approx(interval * 0.9)


def test_jitter_spreads_interval(server, document, make_clock):
    server.plan(document(), document(status=304))
    follower = Follower(server.url, parse, default_interval=50, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert follower.poll() == pytest.approx(50)
    follower.close()


def test_short_wait_pauses_one_second(follower, server, document):
    server.plan(document(), document(status=304, Preference_Applied="wait=25"))
    follower.poll()
    assert follower.poll() == pytest.approx(1.0)


def test_change_at_waiting_server_is_followed_at_once(follower, server, document):
    server.plan(document(), document(b"two", '"2"', Preference_Applied="wait=25"), document(b"three", '"3"'))
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)
    assert follower.poll() == pytest.approx(0.05)
    assert follower.value == "three"


def test_change_is_followed_by_quick_fetch_then_interval(follower, server, document):
    server.plan(document(), document(b"two", '"2"'), document(status=304))
    follower.poll()
    assert follower.poll() == pytest.approx(1.0)
    assert follower.poll() == pytest.approx(45)


def test_slow_change_counts_as_waited(follower, server, document):
    server.plan(document(), document(b"two", '"2"', before=lambda: follower.test_clock.advance(3)))
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)


def test_server_without_etag_is_polled(follower, server, document):
    server.plan(document(etag=None))
    follower.poll()
    assert follower.poll() == pytest.approx(45)
    assert not {"If-None-Match", "Prefer"} & server.requests[1].keys()


def test_server_ignoring_condition_is_polled(follower, server, document):
    server.plan(document())
    follower.poll()
    assert follower.poll() == pytest.approx(45)


def test_request_has_no_cookie_or_credentials(follower, server, document):
    server.plan(document())
    follower.poll()
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization"} & server.requests[0].keys()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, "BadResponseError: answered 500"),
        ({"status": 404}, "BadResponseError: answered 404"),
        ({"status": 204, "body": b""}, "BadResponseError: answered 204"),
        ({"status": 302, "Location": "/elsewhere"}, "BadResponseError: answered 302"),
        ({"body": b"x" * 101}, "BadResponseError: sent more than 100 bytes"),
        ({"body": b"bad"}, "ValueError: not a document"),
        ({"body": b"bug"}, "KeyError"),
        ({"body": b"\xff"}, None),
        ({"body": b"tw", "Content_Length": "3"}, None),
        ({"Content_Encoding": "gzip"}, "BadResponseError: used a content encoding that was not requested"),
    ],
    ids=str,
)
def test_bad_response_keeps_value(follower, server, document, fault, error):
    server.plan(document(), document(**{"etag": '"2"', "body": b"two", **fault}), document(status=304))
    follower.poll()
    follower.test_clock.advance(7)
    assert follower.poll() < 4
    assert follower.value == "one"
    assert follower.age == 7
    assert follower.last_error
    assert error is None or follower.last_error == error
    follower.poll(wait=False)
    assert server.requests[2]["If-None-Match"] == '"1"'
    assert follower.last_error is None
    assert follower.age == 0


def test_redirect_is_not_followed(follower, server, document):
    server.plan(document(status=302, Location=f"{server.url}/elsewhere"))
    follower.poll()
    assert len(server.requests) == 1


def test_cookie_is_not_kept(follower, server, document):
    server.plan(document(**{"Set-Cookie": "a=b; Path=/"}), document())
    follower.poll()
    follower.poll()
    assert "Cookie" not in server.requests[1]


def test_304_without_value_is_refused(follower, server, document):
    server.plan(document(status=304))
    follower.poll()
    assert follower.last_error == "BadResponseError: answered 304"


def test_slow_response_is_refused(server, document):
    server.plan(document(before=lambda: time.sleep(0.4)))
    slow = Follower(server.url, bytes, session=partial(plain_session, deadline=0.1))
    slow.poll()
    assert slow.last_error == "ReadTimeout: timed out"


def test_failures_back_off(make_clock, server, document):
    server.plan(document(), document(status=500))
    follower = Follower(server.url, parse, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert [follower.poll() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    follower.close()


def test_recovery_is_fetched_without_wait(follower, server, document):
    server.plan(document(), document(status=500), document(status=304), document(status=304))
    follower.poll()
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)
    assert follower.last_error is None
    follower.poll()
    assert ["Prefer" in headers for headers in server.requests] == [False, True, False, True]


def test_never_reached_server_is_tried_every_second(make_clock, server):
    server.close()
    follower = Follower(server.url, parse, clock=make_clock(), jitter=lambda: 1.0)
    assert [follower.poll() for _ in range(4)] == [0.5, 1.0, 1.0, 1.0]
    assert follower.last_error == "ConnectionError: Connection refused"
    assert not follower.wait_ready(0)
    follower.close()


def test_jitter_halves_backoff_at_most(follower, server, document):
    server.plan(document(), document(status=500))
    follower.poll()
    assert [follower.poll() for _ in range(3)] == [0.25, 0.5, 1.0]


def test_failure_and_recovery_are_logged_once(follower, server, document, caplog):
    caplog.set_level("INFO", "touchstone")
    server.plan(document(status=500), document(status=500), document(), document(status=304))
    for _ in range(4):
        follower.poll()
    assert levels(caplog, follower) == ["WARNING", "INFO"]


def test_overtaken_response_is_dropped(follower, server, document):
    server.plan(document(b"old", before=lambda: follower.poll(wait=False)), document(b"new", '"2"'))
    assert follower.poll() == pytest.approx(0.05)
    assert follower.value == "new"


@pytest.mark.parametrize(("max_age", "interval"), [({}, 20), ({"Cache_Control": "max-age=60"}, 60)], ids=str)
def test_ttl_is_interval_without_max_age(server, document, make_clock, max_age, interval):
    server.plan(document(), document(status=304, **max_age))
    follower = Follower(server.url, parse, ttl=lambda value: 20, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert follower.poll() == pytest.approx(interval)
    follower.close()


# --- outages --------------------------------------------------------------------------------------------------


@pytest.fixture
def lasting(server, make_clock, tmp_path):
    """`lasting()`: a follower that drops its value after 100 seconds, alerts after 60, and has a snapshot."""
    clock = make_clock(1000)

    def make(parse=parse, forget_after=100):
        snapshot = Snapshot(tmp_path / "document", max_bytes=100, max_age=100, now=clock)
        follower = Follower(
            server.url,
            parse,
            snapshot=snapshot,
            forget_after=forget_after,
            alert_after=60,
            clock=clock,
            name="document",
        )
        follower.test_clock = clock
        made.append(follower)
        return follower

    made = []
    yield make
    for follower in made:
        follower.close()


def test_unconfirmed_value_is_dropped(lasting, server, document):
    server.plan(document(), document(status=500))
    follower = lasting()
    follower.poll()
    for _ in range(2):
        follower.test_clock.advance(50)
        follower.poll()
        assert follower._value == "one"
    follower.test_clock.advance(1)
    follower.poll()
    assert follower._value is None


def test_dropped_value_is_fetched_unconditionally(lasting, server, document):
    server.plan(document(), document(status=500), document(b"two", '"2"'))
    follower = lasting()
    follower.poll()
    follower.test_clock.advance(101)
    follower.poll()
    follower.poll()
    assert follower._value == "two"
    assert "If-None-Match" not in server.requests[2]


def test_confirmation_keeps_value(lasting, server, document):
    server.plan(document(), document(status=304), document(status=500))
    follower = lasting()
    follower.poll()
    follower.test_clock.advance(99)
    follower.poll()
    follower.test_clock.advance(99)
    follower.poll()
    assert follower._value == "one"


def levels(caplog, follower):
    """Return the levels of what this follower logged; those of earlier tests may not have ended."""
    return [record.levelname for record in caplog.records if follower.url in record.getMessage()]


def test_outage_is_logged_as_error_once(lasting, server, document, caplog):
    caplog.set_level("INFO", "touchstone")
    server.plan(document(), *[document(status=500)] * 5, document(status=304))
    follower = lasting(forget_after=1000)
    for _ in range(7):
        follower.poll()
        follower.test_clock.advance(30)
    assert levels(caplog, follower) == ["WARNING", "ERROR", "INFO"]


def test_outage_counts_from_first_failure(lasting, server, document, caplog):
    server.plan(document(), document(status=500))
    follower = lasting(forget_after=1000)
    follower.poll()
    follower.test_clock.advance(90)
    follower.poll()
    assert levels(caplog, follower) == ["WARNING"]


def test_next_outage_is_logged_again(lasting, server, document, caplog):
    server.plan(document(), *[document(status=500), document(status=500), document(status=304)] * 2)
    follower = lasting(forget_after=1000)
    for _ in range(7):
        follower.poll()
        follower.test_clock.advance(61)
    assert levels(caplog, follower) == ["WARNING", "ERROR"] * 2


def test_failed_first_fetch_loads_snapshot(lasting, server, document):
    server.plan(document(), document(status=500))
    lasting().poll()
    follower = lasting()
    follower.test_clock.advance(50)
    assert follower.wait_ready(10)
    assert follower.value == "one"
    assert follower.age is None
    assert not follower.confirmed(10**6)


def test_snapshot_value_expires_like_document(lasting, server, document):
    server.plan(document(), document(status=500))
    lasting().poll()
    follower = lasting()
    follower.test_clock.advance(60)
    follower.poll()
    assert follower._value == "one"
    follower.test_clock.advance(41)
    follower.poll()
    assert follower._value is None


def test_snapshot_is_loaded_once(lasting, server, document, tmp_path):
    server.plan(document(status=500))
    follower = lasting()
    follower.poll()
    (tmp_path / "document").write_bytes(b"late")
    os.utime(tmp_path / "document", (1000, 1000))
    follower.poll()
    assert follower._value is None


def test_unparsable_snapshot_is_ignored(lasting, server, document, tmp_path, caplog):
    server.plan(document(status=500))
    (tmp_path / "document").write_bytes(b"bad")
    os.utime(tmp_path / "document", (1000, 1000))
    follower = lasting()
    follower.poll()
    assert follower._value is None
    assert levels(caplog, follower) == ["WARNING", "WARNING"]


def test_response_wins_over_snapshot(lasting, server, document, tmp_path):
    server.plan(document(status=500), document(b"answered"))
    (tmp_path / "document").write_bytes(b"snapshot")
    os.utime(tmp_path / "document", (1000, 1000))

    def overtaken(body):
        if body == b"snapshot":
            follower.poll(wait=False)
        return body.decode()

    follower = lasting(overtaken)
    follower.poll()
    assert follower._value == "answered"


def test_value_is_saved_as_snapshot(lasting, server, document, tmp_path):
    server.plan(document())
    lasting().poll()
    assert (tmp_path / "document").read_bytes() == b"one"


# --- statistics -----------------------------------------------------------------------------------------------


def test_stats_add_up(follower, server, document):
    server.plan(
        document(),
        document(status=304, before=held(follower)),
        document(status=304, Preference_Applied="wait=25"),
        document(status=500),
        document(b"two", '"2"'),
    )
    for _ in range(5):
        follower.poll()
    stats = follower.stats
    assert (stats.name, stats.age, stats.last_error) == (server.url, 0, None)
    assert (stats.fetches, stats.unchanged, stats.failures, stats.version, stats.waits) == (5, 2, 1, 2, 3)


def test_overtaken_response_counts_as_unchanged(follower, server, document):
    server.plan(document(b"old", before=lambda: follower.poll(wait=False)), document(b"new", '"2"'))
    follower.poll()
    assert (follower.stats.fetches, follower.stats.version, follower.stats.unchanged) == (2, 1, 1)


# --- in the background ----------------------------------------------------------------------------------------


def test_first_use_starts_thread(follower, server, document, eventually):
    server.plan(document(), document(status=304))
    assert follower.value is None
    assert follower.wait_ready(10)
    assert follower.value == "one"


def test_change_arrives_by_itself(follower, server, document, eventually):
    server.plan(document(), document(b"two", '"2"', Preference_Applied="wait=25"), document(status=304))
    eventually(lambda: follower.value == "two")


def test_wait_ready_ends_with_first_failure(follower, server, document):
    server.plan(document(status=500))
    assert not follower.wait_ready(10)


def test_wait_ready_ends_at_timeout(follower, server, document):
    released = threading.Event()
    server.plan(document(before=lambda: released.wait(10)))
    assert not follower.wait_ready(0.01)
    released.set()
    assert follower.wait_ready(10)


def test_close_stops_fetching(follower, server, document):
    server.plan(document(), document(status=304))
    assert follower.wait_ready(10)
    thread = follower._thread
    follower.close()
    thread.join(10)
    assert not thread.is_alive()
    assert follower.value == "one"


def test_closed_follower_does_not_start(follower, server):
    follower.close()
    assert follower.value is None
    follower.refresh_soon()
    assert server.requests == []


def test_refresh_does_not_wait_at_server(follower, server, document):
    server.plan(document(), document(b"two", '"2"'))
    follower.poll()
    follower.refresh_soon(10)
    assert follower._value == "two"
    assert "Prefer" not in server.requests[1]
    assert server.requests[1]["If-None-Match"] == '"1"'


def test_refresh_is_limited_to_once_in_10_seconds(follower, server, document):
    server.plan(document())
    for _ in range(100):
        follower.refresh_soon(10)
    assert len(server.requests) == 1
    follower.test_clock.advance(9.9)
    follower.refresh_soon(10)
    assert len(server.requests) == 1
    follower.test_clock.advance(0.2)
    follower.refresh_soon(10)
    assert len(server.requests) == 2


def test_threads_share_refresh_and_two_wait(follower, server, document, eventually):
    released = threading.Event()
    server.plan(document(before=lambda: released.wait(10)))
    done = []

    def refresh():
        follower.refresh_soon(10)
        done.append(follower._value)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(refresh)
        eventually(lambda: len(done) == 6)
        assert done == [None] * 6
        released.set()
    assert done[6:] == ["one", "one"]
    assert len(server.requests) == 1


def test_failed_refresh_may_be_repeated(follower, server, document):
    server.plan(document(status=500), document())
    follower.refresh_soon(10)
    assert follower._value is None
    follower.test_clock.advance(10)
    follower.refresh_soon(10)
    assert follower._value == "one"


def test_fork_keeps_value_and_restarts_thread(follower, server, document, eventually):
    server.plan(document())
    follower.poll()
    follower._thread = threading.current_thread()  # as in a child: started, but not in this process
    _after_fork()
    assert follower._thread is None
    assert follower.value == "one"
    assert follower._thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_forked_child_follows_by_itself(follower, server, document):
    server.plan(document(), document(status=304))
    assert follower.wait_ready(10)
    before = len(server.requests)
    child = os.fork()
    if child == 0:  # pragma: no cover - measured in the parent only
        fine = False
        try:
            fine = follower._thread is None and follower.value == "one" and follower._thread.is_alive()
            follower.refresh_soon(10)
        finally:
            os._exit(0 if fine and not follower._on_demand.running else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(server.requests) > before
