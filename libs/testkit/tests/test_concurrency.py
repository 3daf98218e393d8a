import threading

import pytest
from testkit.concurrency import at_once, repeated, wait_for


def test_wait_for_returns_first_true_result():
    answers = iter([None, 0, "", "so"])

    assert wait_for(lambda: next(answers)) == "so"


def test_wait_for_times_out():
    with pytest.raises(AssertionError, match="rain did not happen"):
        wait_for(lambda: False, 0.01, "rain")


def test_at_once_runs_calls_together():
    barrier = threading.Barrier(3)

    assert sorted(at_once(3, lambda: barrier.wait(10))) == [0, 1, 2]


def test_repeated_calls_until_block_ends():
    calls = []

    with repeated(lambda: calls.append(1), threads=2):
        wait_for(lambda: len(calls) > 10)

    assert len(calls) == sum(calls)


def test_repeated_raises_error_of_call():
    failed = threading.Event()

    def fail():
        failed.set()
        raise ValueError

    with pytest.raises(ValueError), repeated(fail):  # noqa: PT011 - it has no message
        assert failed.wait(10)
