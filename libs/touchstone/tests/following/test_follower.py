"""Following one document over real HTTP: what is asked, what is kept, and when it is asked again."""

import os
import threading
import time
from functools import partial

import pytest
from touchstone.following import follower as module
from touchstone.following.follower import Follower
from touchstone.following.snapshot import Snapshot
from touchstone.following.transport import plain_session

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")


def parse(body):
    if body.startswith(b"bad"):
        raise ValueError("not one of ours")
    if body == b"bug":
        raise KeyError("a fault of ours")
    return body.decode()


@pytest.fixture
def follower(server, make_clock):
    """A follower by a clock that stands still and without jitter; closed at the end."""
    clock = make_clock(1000)
    following = Follower(
        server.url, parse, max_bytes=100, default_interval=50, clock=clock, jitter=lambda: 0.0
    )
    following.test_clock = clock
    yield following
    following.close()


@pytest.fixture
def document(answer):
    """An answer with an entity tag."""

    def make(body=b"one", etag='"1"', status=200, before=lambda: None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer(status, body, {**({"ETag": etag} if etag else {}), **named}, before)

    return make


def held(follower):
    """What a server does that waits: let 25 seconds go by."""
    return lambda: follower.test_clock.advance(25)


def test_making_a_follower_asks_nothing(follower, server):
    assert server.requests == []
    assert follower.age is None
    assert follower.last_error is None


def test_the_first_question_has_no_condition_and_does_not_wait(follower, server, document):
    server.plan(document())
    assert follower.poll() == pytest.approx(0.05)
    assert follower._value == "one"
    assert not {"If-None-Match", "Prefer"} & server.requests[0].keys()


def test_the_next_question_is_conditional_and_offers_to_wait(follower, server, document):
    server.plan(document())
    follower.poll()
    follower.poll()
    assert server.requests[1]["If-None-Match"] == '"1"'
    assert server.requests[1]["Prefer"] == "wait=25"


def test_after_a_held_answer_the_next_question_follows_at_once(follower, server, document):
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
def test_of_a_server_that_cannot_wait_max_age_is_the_interval(
    follower, server, document, cache_control, interval
):
    server.plan(document(), document(status=304, Cache_Control=cache_control))
    follower.poll()
    assert follower.poll() == pytest.approx(interval * 0.9)


def test_jitter_spreads_the_interval(server, document, make_clock):
    server.plan(document(), document(status=304))
    follower = Follower(server.url, parse, default_interval=50, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert follower.poll() == pytest.approx(50)
    follower.close()


def test_a_waiting_server_that_answers_early_is_asked_again_in_a_second(follower, server, document):
    server.plan(document(), document(status=304, Preference_Applied="wait=25"))
    follower.poll()
    assert follower.poll() == pytest.approx(1.0)


def test_a_change_at_a_waiting_server_is_followed_at_once(follower, server, document):
    server.plan(document(), document(b"two", '"2"', Preference_Applied="wait=25"), document(b"three", '"3"'))
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)
    assert follower.poll() == pytest.approx(0.05)
    assert follower.value == "three"


def test_after_a_change_there_is_one_more_look_soon_and_then_the_interval(follower, server, document):
    server.plan(document(), document(b"two", '"2"'), document(status=304))
    follower.poll()
    assert follower.poll() == pytest.approx(1.0)
    assert follower.poll() == pytest.approx(45)


def test_a_change_that_took_its_time_was_waited_for_even_if_the_server_does_not_say(
    follower, server, document
):
    server.plan(document(), document(b"two", '"2"', before=lambda: follower.test_clock.advance(3)))
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)


def test_a_server_without_entity_tags_is_polled(follower, server, document):
    server.plan(document(etag=None))
    follower.poll()
    assert follower.poll() == pytest.approx(45)
    assert not {"If-None-Match", "Prefer"} & server.requests[1].keys()


def test_a_server_that_ignores_the_condition_is_not_asked_in_a_hurry(follower, server, document):
    server.plan(document())
    follower.poll()
    assert follower.poll() == pytest.approx(45)


def test_nothing_but_the_document_is_asked_for(follower, server, document):
    server.plan(document())
    follower.poll()
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization"} & server.requests[0].keys()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"status": 500}, "BadResponseError: answered 500"),
        ({"status": 404}, "BadResponseError: answered 404"),
        ({"status": 204, "body": b""}, "BadResponseError: answered 204"),
        ({"status": 302, "Location": "/elsewhere"}, "BadResponseError: answered 302"),
        ({"body": b"x" * 101}, "BadResponseError: sent more than 100 bytes"),
        ({"body": b"bad"}, "ValueError: not one of ours"),
        ({"body": b"bug"}, "KeyError"),
        ({"body": b"\xff"}, None),
        ({"body": b"tw", "Content_Length": "3"}, None),
        ({"Content_Encoding": "gzip"}, "BadResponseError: used a content encoding that was not requested"),
    ],
    ids=str,
)
def test_a_bad_answer_never_replaces_a_good_value(follower, server, document, fault, told):
    server.plan(document(), document(**{"etag": '"2"', "body": b"two", **fault}), document(status=304))
    follower.poll()
    follower.test_clock.advance(7)
    assert follower.poll() < 4
    assert follower.value == "one"
    assert follower.age == 7
    assert follower.last_error
    assert told is None or follower.last_error == told
    follower.poll(wait=False)
    assert server.requests[2]["If-None-Match"] == '"1"'
    assert follower.last_error is None
    assert follower.age == 0


def test_a_redirect_is_not_followed(follower, server, document):
    server.plan(document(status=302, Location=f"{server.url}/elsewhere"))
    follower.poll()
    assert len(server.requests) == 1


def test_a_cookie_is_not_kept(follower, server, document):
    server.plan(document(**{"Set-Cookie": "a=b; Path=/"}), document())
    follower.poll()
    follower.poll()
    assert "Cookie" not in server.requests[1]


def test_an_answer_that_nothing_has_changed_is_bad_when_there_is_nothing(follower, server, document):
    server.plan(document(status=304))
    follower.poll()
    assert follower.last_error == "BadResponseError: answered 304"


def test_slow_response_is_rejected(server, document):
    server.plan(document(before=lambda: time.sleep(0.4)))
    slow = Follower(server.url, bytes, session=partial(plain_session, deadline=0.1))
    slow.poll()
    assert slow.last_error == "ReadTimeout: timed out"


def test_a_server_in_trouble_is_asked_again_later_and_later(make_clock, server, document):
    server.plan(document(), document(status=500))
    follower = Follower(server.url, parse, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert [follower.poll() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    follower.close()


def test_after_trouble_the_next_question_asks_for_an_answer_now_and_the_one_after_waits_again(
    follower, server, document
):
    server.plan(document(), document(status=500), document(status=304), document(status=304))
    follower.poll()
    follower.poll()
    assert follower.poll() == pytest.approx(0.05)
    assert follower.last_error is None
    follower.poll()
    assert ["Prefer" in headers for headers in server.requests] == [False, True, False, True]


def test_a_server_that_was_never_there_is_asked_again_every_second(make_clock, server):
    server.close()
    follower = Follower(server.url, parse, clock=make_clock(), jitter=lambda: 1.0)
    assert [follower.poll() for _ in range(4)] == [0.5, 1.0, 1.0, 1.0]
    assert follower.last_error == "ConnectionError: Connection refused"
    assert not follower.wait_ready(0)
    follower.close()


def test_jitter_halves_the_pause_at_most(follower, server, document):
    server.plan(document(), document(status=500))
    follower.poll()
    assert [follower.poll() for _ in range(3)] == [0.25, 0.5, 1.0]


def test_trouble_is_logged_once_and_so_is_its_end(follower, server, document, caplog):
    caplog.set_level("INFO", "touchstone")
    server.plan(document(status=500), document(status=500), document(), document(status=304))
    for _ in range(4):
        follower.poll()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_an_answer_that_was_overtaken_is_thrown_away(follower, server, document):
    server.plan(document(b"old", before=lambda: follower.poll(wait=False)), document(b"new", '"2"'))
    assert follower.poll() == pytest.approx(0.05)
    assert follower.value == "new"


@pytest.mark.parametrize(("max_age", "interval"), [({}, 20), ({"Cache_Control": "max-age=60"}, 60)], ids=str)
def test_the_documents_own_interval_counts_where_the_server_names_none(
    server, document, make_clock, max_age, interval
):
    server.plan(document(), document(status=304, **max_age))
    follower = Follower(server.url, parse, ttl=lambda value: 20, clock=make_clock(), jitter=lambda: 1.0)
    follower.poll()
    assert follower.poll() == pytest.approx(interval)
    follower.close()


# --- what lasts -----------------------------------------------------------------------------------------------


@pytest.fixture
def lasting(server, make_clock, tmp_path):
    """A follower that forgets after 100 seconds, alerts after 60, and has a snapshot; by clocks that go together."""
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


def test_a_value_that_nobody_confirms_is_forgotten(lasting, server, document):
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


def test_what_was_forgotten_is_asked_for_without_a_condition(lasting, server, document):
    server.plan(document(), document(status=500), document(b"two", '"2"'))
    follower = lasting()
    follower.poll()
    follower.test_clock.advance(101)
    follower.poll()
    follower.poll()
    assert follower._value == "two"
    assert "If-None-Match" not in server.requests[2]


def test_a_confirmation_keeps_the_value(lasting, server, document):
    server.plan(document(), document(status=304), document(status=500))
    follower = lasting()
    follower.poll()
    follower.test_clock.advance(99)
    follower.poll()
    follower.test_clock.advance(99)
    follower.poll()
    assert follower._value == "one"


def levels(caplog):
    return [record.levelname for record in caplog.records if record.name == "touchstone"]


def test_trouble_that_lasts_is_an_error_in_the_log_once_and_so_is_its_end_an_information(
    lasting, server, document, caplog
):
    caplog.set_level("INFO", "touchstone")
    server.plan(document(), *[document(status=500)] * 5, document(status=304))
    follower = lasting(forget_after=1000)
    for _ in range(7):
        follower.poll()
        follower.test_clock.advance(30)
    assert levels(caplog) == ["WARNING", "ERROR", "INFO"]


def test_trouble_counts_from_its_first_attempt_not_from_the_last_good_one(lasting, server, document, caplog):
    server.plan(document(), document(status=500))
    follower = lasting(forget_after=1000)
    follower.poll()
    follower.test_clock.advance(90)
    follower.poll()
    assert levels(caplog) == ["WARNING"]


def test_the_next_trouble_is_told_anew(lasting, server, document, caplog):
    server.plan(document(), *[document(status=500), document(status=500), document(status=304)] * 2)
    follower = lasting(forget_after=1000)
    for _ in range(7):
        follower.poll()
        follower.test_clock.advance(61)
    assert levels(caplog) == ["WARNING", "ERROR"] * 2


def test_where_the_first_attempt_fails_the_snapshot_serves(lasting, server, document):
    server.plan(document(), document(status=500))
    lasting().poll()
    follower = lasting()
    follower.test_clock.advance(50)
    assert follower.wait_ready(10)
    assert follower.value == "one"
    assert follower.age is None
    assert not follower.confirmed(10**6)


def test_a_snapshot_has_not_longer_to_live_than_its_document(lasting, server, document):
    server.plan(document(), document(status=500))
    lasting().poll()
    follower = lasting()
    follower.test_clock.advance(60)
    follower.poll()
    assert follower._value == "one"
    follower.test_clock.advance(41)
    follower.poll()
    assert follower._value is None


def test_a_snapshot_is_looked_at_once(lasting, server, document, tmp_path):
    server.plan(document(status=500))
    follower = lasting()
    follower.poll()
    (tmp_path / "document").write_bytes(b"late")
    os.utime(tmp_path / "document", (1000, 1000))
    follower.poll()
    assert follower._value is None


def test_a_snapshot_that_cannot_be_read_is_of_no_use(lasting, server, document, tmp_path, caplog):
    server.plan(document(status=500))
    (tmp_path / "document").write_bytes(b"bad")
    os.utime(tmp_path / "document", (1000, 1000))
    follower = lasting()
    follower.poll()
    assert follower._value is None
    assert levels(caplog) == ["WARNING", "WARNING"]


def test_an_answer_that_comes_while_the_snapshot_is_read_goes_first(lasting, server, document, tmp_path):
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


def test_what_was_good_is_written_where_a_later_process_finds_it(lasting, server, document, tmp_path):
    server.plan(document())
    lasting().poll()
    assert (tmp_path / "document").read_bytes() == b"one"


# --- figures --------------------------------------------------------------------------------------------------


def test_the_figures_add_up(follower, server, document):
    server.plan(
        document(),
        document(status=304, before=held(follower)),
        document(status=304, Preference_Applied="wait=25"),
        document(status=500),
        document(b"two", '"2"'),
    )
    for _ in range(5):
        follower.poll()
    told = follower.stats
    assert (told.name, told.age, told.last_error) == (server.url, 0, None)
    assert (told.fetches, told.unchanged, told.failures, told.version, told.waits) == (5, 2, 1, 2, 3)


def test_an_answer_that_was_overtaken_brought_nothing_new(follower, server, document):
    server.plan(document(b"old", before=lambda: follower.poll(wait=False)), document(b"new", '"2"'))
    follower.poll()
    assert (follower.stats.fetches, follower.stats.version, follower.stats.unchanged) == (2, 1, 1)


# --- in the background ----------------------------------------------------------------------------------------


def test_the_first_look_starts_the_thread_and_the_value_arrives(follower, server, document, eventually):
    server.plan(document(), document(status=304))
    assert follower.value is None
    assert follower.wait_ready(10)
    assert follower.value == "one"


def test_a_change_arrives_by_itself(follower, server, document, eventually):
    server.plan(document(), document(b"two", '"2"', Preference_Applied="wait=25"), document(status=304))
    eventually(lambda: follower.value == "two")


def test_who_waits_is_told_when_the_first_attempt_has_failed(follower, server, document):
    server.plan(document(status=500))
    assert not follower.wait_ready(10)


def test_who_waits_does_not_wait_longer_than_asked(follower, server, document):
    going = threading.Event()
    server.plan(document(before=lambda: going.wait(10)))
    assert not follower.wait_ready(0.01)
    going.set()
    assert follower.wait_ready(10)


def test_after_close_nothing_is_asked_any_more(follower, server, document):
    server.plan(document(), document(status=304))
    assert follower.wait_ready(10)
    thread = follower._thread
    follower.close()
    thread.join(10)
    assert not thread.is_alive()
    assert follower.value == "one"


def test_a_closed_follower_does_not_start(follower, server):
    follower.close()
    assert follower.value is None
    follower.refresh_soon()
    assert server.requests == []


def test_a_fetch_out_of_turn_does_not_wait_at_the_server(follower, server, document):
    server.plan(document(), document(b"two", '"2"'))
    follower.poll()
    follower.refresh_soon(10)
    assert follower._value == "two"
    assert "Prefer" not in server.requests[1]
    assert server.requests[1]["If-None-Match"] == '"1"'


def test_a_fetch_out_of_turn_happens_once_in_ten_seconds(follower, server, document):
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


def test_threads_share_a_fetch_out_of_turn_and_few_wait_for_it(follower, server, document, eventually):
    going = threading.Event()
    server.plan(document(before=lambda: going.wait(10)))
    done = []

    def ask():
        follower.refresh_soon(10)
        done.append(follower._value)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(done) == 6)
    assert done == [None] * 6
    going.set()
    for thread in threads:
        thread.join(10)
    assert done[6:] == ["one", "one"]
    assert len(server.requests) == 1


def test_a_fetch_out_of_turn_that_fails_may_be_tried_again_later(follower, server, document):
    server.plan(document(status=500), document())
    follower.refresh_soon(10)
    assert follower._value is None
    follower.test_clock.advance(10)
    follower.refresh_soon(10)
    assert follower._value == "one"


def test_after_a_fork_the_value_stays_and_the_thread_starts_anew(follower, server, document, eventually):
    server.plan(document())
    follower.poll()
    follower._thread = threading.current_thread()  # as a child finds it: started, but not here
    module._after_fork()
    assert follower._thread is None
    assert follower.value == "one"
    assert follower._thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_child_follows_by_itself(follower, server, document):
    server.plan(document(), document(status=304))
    assert follower.wait_ready(10)
    asked = len(server.requests)
    child = os.fork()
    if child == 0:  # pragma: no cover - measured in the parent only
        fine = False
        try:
            fine = follower._thread is None and follower.value == "one" and follower._thread.is_alive()
            follower.refresh_soon(10)
        finally:
            os._exit(0 if fine and not follower._on_demand.running else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(server.requests) > asked
