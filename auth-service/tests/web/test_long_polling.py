"""Long polling: the `Prefer` header, and requests that wait for a change."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from auth_service.web.long_polling import LongPolls, preferred_wait
from hypothesis import given
from hypothesis import strategies as st
from testkit.clock import FakeClock


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=5", 5),
        ("Wait=5", 5),
        ('wait="5"', 5),
        ("wait = 5", 5),
        ("respond-async, wait=5", 5),
        ("wait=5; x=y, wait=9", 5),
        ("wait=26", 25),
        ("wait=99999999999999999999", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=\u0665", 0),
        ("wait", 0),
        ("waiting=5", 0),
    ],
)
def test_preferred_wait_is_at_most_25_seconds(prefer, seconds):
    assert preferred_wait(prefer) == seconds


@given(st.text(max_size=60))
def test_any_prefer_header_is_accepted(prefer):
    assert 0 <= preferred_wait(prefer) <= 25


def test_wake_checks_for_change():
    polls, checks = LongPolls(1), []

    def changed():
        checks.append(None)
        if len(checks) < 3:
            Thread(target=polls.wake).start()
        return len(checks) == 3

    assert polls.hold(25, changed) is True
    assert len(checks) == 3


def test_wake_before_sleep_is_not_missed():
    polls, checks = LongPolls(1), []

    def changed():
        checks.append(None)
        polls.wake()
        return len(checks) == 2

    assert polls.hold(25, changed) is True


def test_hold_ends_after_its_time():
    clock = FakeClock(0)

    def changed():
        clock.advance(5)
        polls.wake()
        return False

    polls = LongPolls(1, ticks=clock)
    assert polls.hold(10, changed) is True
    assert clock() >= 10


def test_stopping_ends_all_holds():
    stopping = Event()
    polls = LongPolls(2, stopping=stopping)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(polls.hold, 25, lambda: False)
        stopping.set()
        assert held.result(20) is True
    assert polls.hold(25, lambda: pytest.fail("waited")) is True


def test_holds_beyond_limit_are_counted():
    refused = []
    polls = LongPolls(1)

    assert polls.hold(25, lambda: refused.append(polls.hold(5, lambda: False)) or True) is True
    assert (refused, polls.refused, polls.waiting) == ([False], 1, 0)
    assert polls.hold(1, lambda: True) is True
    assert polls.hold(0, lambda: True) is False


def test_failed_check_frees_place():
    polls = LongPolls(1)

    with pytest.raises(RuntimeError):
        polls.hold(25, lambda: (_ for _ in ()).throw(RuntimeError))

    assert polls.waiting == 0
