import threading

from service_kit.observability.health import Health


def test_checks_that_hold_give_no_reasons():
    assert Health({"a": lambda: None}).reasons() == {}
    assert Health({}).reasons() == {}


def test_a_check_that_raises_does_not_hold_and_keeps_its_words_inside():
    def broken():
        raise RuntimeError("postgresql://me:hunter2@db")

    assert Health({"a": broken, "b": lambda: "reason"}).reasons() == {"a": "the check failed", "b": "reason"}


def test_a_check_that_hangs_is_bounded_and_never_started_twice():
    release, runs = threading.Event(), []

    def hangs():
        runs.append(1)
        release.wait(10)

    health = Health({"slow": hangs}, timeout=0.05)
    assert health.reasons() == {"slow": "no answer within 0.05 s"}
    assert health.reasons() == {"slow": "no answer within 0.05 s"}
    assert len(runs) == 1
    release.set()
    health._runs["slow"].done.wait(10)
    assert health.reasons() == {}
