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


def test_it_stays_closed_below_the_threshold(breaker):
    fail(breaker, 2)
    assert breaker.state == "closed"
    assert breaker.allow()
    assert breaker.retry_after() == 1


def test_failures_in_a_row_open_it(breaker):
    fail(breaker, 3)
    assert breaker.state == "open"
    assert not breaker.allow()
    assert breaker.retry_after() == 2


def test_a_success_between_starts_the_count_anew(breaker):
    fail(breaker, 2)
    breaker.record_success()
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_failures_far_apart_do_not_open_it(breaker, clock):
    fail(breaker, 2)
    clock.advance(10)
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_after_the_cool_down_one_probe_goes_through(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    assert breaker.state == "half-open"
    assert breaker.allow()
    assert not breaker.allow()


def test_a_probe_that_succeeds_closes_it(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    breaker.allow()
    breaker.record_success()
    assert breaker.state == "closed"
    assert breaker.allow()


def test_a_probe_that_fails_opens_it_again_for_the_whole_time(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    breaker.allow()
    breaker.record_failure()
    clock.advance(1.9)
    assert not breaker.allow()
    clock.advance(0.1)
    assert breaker.allow()


def test_a_probe_that_never_reports_is_given_up(breaker, clock):
    fail(breaker, 3)
    clock.advance(2)
    assert breaker.allow()
    clock.advance(10)
    assert breaker.allow()
