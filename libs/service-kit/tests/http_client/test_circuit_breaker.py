import pytest
from service_kit.http_client.circuit_breaker import CircuitBreaker
from testkit.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock(1000)


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(threshold=3, window=10, cool_down=2, now=clock)


def fail(breaker, times):
    for _ in range(times):
        assert breaker.allow()
        breaker.record_failure()


def test_closed_below_threshold(breaker):
    fail(breaker, 2)
    assert breaker.state == "closed"
    assert breaker.allow()
    assert breaker.retry_after() == 1


def test_failures_in_a_row_open(breaker):
    fail(breaker, 3)
    assert breaker.state == "open"
    assert not breaker.allow()
    assert breaker.retry_after() == 2


def test_success_resets_count(breaker):
    fail(breaker, 2)
    breaker.record_success()
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_failures_outside_window_do_not_open(breaker, clock):
    fail(breaker, 2)
    clock.advance(10)
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_one_probe_after_cool_down(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    assert breaker.state == "half-open"
    assert breaker.allow()
    assert not breaker.allow()


def test_successful_probe_closes(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    breaker.allow()
    breaker.record_success()
    assert breaker.state == "closed"
    assert breaker.allow()


def test_failed_probe_opens_again(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    breaker.allow()
    breaker.record_failure()
    clock.advance(1.9)
    assert not breaker.allow()
    clock.advance(0.1)
    assert breaker.allow()


def test_probe_without_record_expires(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    assert breaker.allow()
    clock.advance(10)
    assert breaker.allow()
