"""Scheduled key rotation, and the thread that runs it."""

import os
import threading

import pytest
from auth_service.background.job import Job
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.signing_keys import KeyTimes
from auth_service.signing.key_ring import KeyRing
from auth_service.signing.metrics import KeyMetrics
from auth_service.signing.pem_folder import KeyFolder
from auth_service.use_cases.admin.key_rotation import ScheduledKeyRotation

INTERVAL = 10_000
SESSION = 50_000


@pytest.fixture
def key_ring(tmp_path, clock):
    times = KeyTimes.of(jwks_max_age=60, access_ttl=300)
    return KeyRing(KeyFolder(tmp_path / "signing"), times, clock)


@pytest.fixture
def rotate(memory, key_ring, clock):
    return ScheduledKeyRotation(memory, key_ring, INTERVAL, clock, SESSION)


def events(memory):
    return [
        (each.event.event, each.event.actor, each.event.detail)
        for each in reversed(memory.audit.list_newest(AuditQuery(), 100))
    ]


def kids(key_ring):
    return [status.kid for status in key_ring.statuses()]


def test_young_key_is_not_rotated(rotate, key_ring, clock, memory):
    before = kids(key_ring)
    clock.advance(INTERVAL - 1)

    assert rotate() is False

    assert (kids(key_ring), events(memory)) == (before, [])


def test_old_key_is_rotated_and_audited_once(rotate, key_ring, clock, memory):
    (first,) = kids(key_ring)
    clock.advance(INTERVAL)

    assert [rotate(), rotate()] == [True, False]

    (_, second) = kids(key_ring)
    assert kids(key_ring) == [first, second]
    assert events(memory) == [("key_rotated", "schedule", {"kid": second})]


def test_unneeded_key_is_removed(rotate, key_ring, clock, memory):
    (first,) = kids(key_ring)
    clock.advance(INTERVAL)
    rotate()
    clock.advance(120 + 390)

    assert rotate() is True

    assert first not in kids(key_ring)
    assert memory.hint_keys.get(first).keep_until == 1_800_000_000 + INTERVAL + 120 + SESSION
    assert events(memory)[-1] == ("keys_pruned", "schedule", {"kids": [first]})


def test_rotation_keeps_at_most_two_keys(rotate, key_ring, clock, memory):
    for _ in range(60):
        clock.advance(INTERVAL / 10)
        rotate()
        assert len(kids(key_ring)) <= 2

    assert len([event for event, *_ in events(memory) if event == "key_rotated"]) == 6


def test_unrecordable_rotation_is_not_begun(key_ring, clock):
    class Broken:
        def transaction(self):
            raise ConnectionError

    before = kids(key_ring)
    clock.advance(INTERVAL)

    with pytest.raises(ConnectionError):
        ScheduledKeyRotation(Broken(), key_ring, INTERVAL, clock, SESSION)()
    assert kids(key_ring) == before


def test_key_of_other_process_is_enough(rotate, key_ring, clock, memory, tmp_path):
    clock.advance(INTERVAL)

    class Late:
        """A key ring that another process rotates before this one takes the lock."""

        statuses, former, prune = map(staticmethod, (key_ring.statuses, key_ring.former, key_ring.prune))

        def rotate_if_older(self, seconds):
            key_ring.rotate()
            return key_ring.rotate_if_older(seconds)

    ScheduledKeyRotation(memory, Late(), INTERVAL, clock, SESSION)()

    assert (len(kids(key_ring)), events(memory)) == (2, [])


@pytest.fixture
def counted():
    """A job that records its runs; `wait(times)` blocks until it has run that often."""

    class Job:
        def __init__(self):
            self.done, self.threads = threading.Semaphore(0), []
            self.fails = False

        def __call__(self):
            self.threads.append(threading.current_thread())
            self.done.release()
            if self.fails:
                raise RuntimeError("no such luck")

        def wait(self, times):
            assert all(self.done.acquire(timeout=20) for _ in range(times))

    return Job()


@pytest.fixture
def make_schedule(counted):
    made = []

    def make(every):
        made.append(Job("test", counted, every))
        return made[-1]

    yield make
    for schedule in made:
        schedule.stop()


def test_job_waits_for_first_use(make_schedule, counted):
    schedule = make_schedule(0.001)
    assert counted.threads == []

    schedule.ensure()

    counted.wait(3)


def test_job_used_often_has_one_thread(make_schedule, counted):
    schedule = make_schedule(0.001)
    for _ in range(5):
        schedule.ensure()
    counted.wait(5)

    assert len(set(counted.threads)) == 1
    assert counted.threads[0].daemon


def test_failed_job_is_repeated_and_logged(make_schedule, counted, capsys):
    counted.fails = True
    make_schedule(0.001).ensure()
    counted.wait(3)

    assert "RuntimeError" in capsys.readouterr().out


def test_stopped_job_stays_stopped(make_schedule, counted):
    schedule = make_schedule(3600)
    schedule.ensure()
    counted.wait(1)

    schedule.stop()
    schedule.ensure()

    assert not counted.threads[0].is_alive()
    assert len(counted.threads) == 1


def test_forked_process_starts_own_thread(make_schedule, counted):
    schedule = make_schedule(3600)
    schedule.ensure()
    counted.wait(1)
    schedule._pid = os.getppid()  # as a child finds it

    schedule.ensure()

    counted.wait(1)
    assert len(set(counted.threads)) == 2


def test_first_request_starts_rotation(make_app, clock, sqlite):
    app = make_app(key_rotation_interval=INTERVAL)
    clock.advance(INTERVAL)
    schedule = app.extensions["jobs"]["key rotation"]
    client = app.test_client()
    looked = threading.Event()
    work = schedule._work
    schedule._work = lambda: (work(), looked.set())
    assert schedule._thread is None

    client.get("/livez")
    assert looked.wait(20)
    schedule.stop()

    with sqlite.reading() as tx:
        newest = tx.audit.list_newest(AuditQuery(), 9)[0].event
    assert (newest.event, newest.actor) == ("key_rotated", "schedule")


def test_command_starts_no_thread(make_app):
    app = make_app(key_rotation_interval=INTERVAL)

    app.test_cli_runner().invoke(args=["keys", "list"])

    assert app.extensions["jobs"]["key rotation"]._thread is None


def test_zero_interval_schedules_nothing(make_app):
    app = make_app(key_rotation_interval=0)

    assert "key rotation" not in app.extensions["jobs"]


def test_metrics_show_key_count_and_age(app, clock):
    clock.advance(500)
    app.test_cli_runner().invoke(args=["keys", "rotate"])

    lines = app.test_client().get("/metrics").text.splitlines()

    told = [line for line in lines if line.startswith("signing_key")]
    assert told == [
        'signing_keys{state="next"} 1.0',
        'signing_keys{state="current"} 1.0',
        'signing_keys{state="retired"} 0.0',
        'signing_keys{state="expired"} 0.0',
        "signing_key_age_seconds 1500.0",
    ]


def test_metrics_without_key_show_no_age(clock):
    assert [family.name for family in KeyMetrics(list, clock).collect()] == ["signing_keys"]
