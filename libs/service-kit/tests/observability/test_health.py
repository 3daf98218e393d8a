import threading

from service_kit.observability.health import Health


def test_passing_checks_have_no_reasons():
    assert Health({"a": lambda: None}).reasons() == {}
    assert Health({}).reasons() == {}


def test_raising_check_fails_without_details():
    def broken():
        raise RuntimeError("postgresql://me:hunter2@db")

    health = Health({"a": broken, "b": lambda: "reason"}, timeout=60)
    assert health.reasons() == {"a": "the check failed", "b": "reason"}


def test_hanging_check_is_started_once():
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
