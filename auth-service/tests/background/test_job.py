"""Rotation by schedule, and the thread that looks."""

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
def ring(tmp_path, clock):
    times = KeyTimes.of(jwks_max_age=60, access_ttl=300)
    return KeyRing(KeyFolder(tmp_path / "signing"), times, clock)


@pytest.fixture
def look(memory, ring, clock):
    return ScheduledKeyRotation(memory, ring, INTERVAL, clock, SESSION)


def events(memory):
    return [
        (each.event.event, each.event.actor, each.event.detail)
        for each in reversed(memory.audit.list_newest(AuditQuery(), 100))
    ]


def kids(ring):
    return [status.kid for status in ring.statuses()]


def test_a_young_key_is_left_alone_and_nothing_is_recorded(look, ring, clock, memory):
    before = kids(ring)
    clock.advance(INTERVAL - 1)

    assert look() is False

    assert (kids(ring), events(memory)) == (before, [])


def test_an_old_key_gets_a_successor_once_and_the_log_says_who(look, ring, clock, memory):
    (first,) = kids(ring)
    clock.advance(INTERVAL)

    assert [look(), look()] == [True, False]

    (_, second) = kids(ring)
    assert kids(ring) == [first, second]
    assert events(memory) == [("key_rotated", "schedule", {"kid": second})]


def test_a_key_that_no_token_needs_is_removed(look, ring, clock, memory):
    (first,) = kids(ring)
    clock.advance(INTERVAL)
    look()
    clock.advance(120 + 390)

    assert look() is True

    assert first not in kids(ring)
    assert memory.hint_keys.get(first).keep_until == 1_800_000_000 + INTERVAL + 120 + SESSION
    assert events(memory)[-1] == ("keys_pruned", "schedule", {"kids": [first]})


def test_over_a_year_there_are_never_more_than_two_keys(look, ring, clock, memory):
    for _ in range(60):
        clock.advance(INTERVAL / 10)
        look()
        assert len(kids(ring)) <= 2

    assert len([event for event, *_ in events(memory) if event == "key_rotated"]) == 6


def test_a_rotation_that_cannot_be_recorded_is_not_begun(ring, clock):
    class Broken:
        def transaction(self):
            raise ConnectionError

    before = kids(ring)
    clock.advance(INTERVAL)

    with pytest.raises(ConnectionError):
        ScheduledKeyRotation(Broken(), ring, INTERVAL, clock, SESSION)()
    assert kids(ring) == before


def test_a_key_that_another_process_made_meanwhile_is_enough(look, ring, clock, memory, tmp_path):
    clock.advance(INTERVAL)

    class Late:
        """Looks, and is overtaken before it takes the lock."""

        statuses, former, prune = map(staticmethod, (ring.statuses, ring.former, ring.prune))

        def rotate_if_older(self, seconds):
            ring.rotate()
            return ring.rotate_if_older(seconds)

    ScheduledKeyRotation(memory, Late(), INTERVAL, clock, SESSION)()

    assert (len(kids(ring)), events(memory)) == (2, [])


@pytest.fixture
def counted():
    """A job that counts, and tells when it has been done so many times."""

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


def test_nothing_runs_until_the_process_is_put_to_use(make_schedule, counted):
    schedule = make_schedule(0.001)
    assert counted.threads == []

    schedule.ensure()

    counted.wait(3)


def test_however_often_it_is_put_to_use_there_is_one_thread_and_it_holds_nobody_up(make_schedule, counted):
    schedule = make_schedule(0.001)
    for _ in range(5):
        schedule.ensure()
    counted.wait(5)

    assert len(set(counted.threads)) == 1
    assert counted.threads[0].daemon


def test_a_job_that_fails_is_done_again_and_the_log_says_why(make_schedule, counted, capsys):
    counted.fails = True
    make_schedule(0.001).ensure()
    counted.wait(3)

    assert "RuntimeError" in capsys.readouterr().out


def test_when_it_is_stopped_its_thread_has_ended_and_it_does_not_start_again(make_schedule, counted):
    schedule = make_schedule(3600)
    schedule.ensure()
    counted.wait(1)

    schedule.stop()
    schedule.ensure()

    assert not counted.threads[0].is_alive()
    assert len(counted.threads) == 1


def test_a_forked_process_starts_a_thread_of_its_own(make_schedule, counted):
    schedule = make_schedule(3600)
    schedule.ensure()
    counted.wait(1)
    schedule._pid = os.getppid()  # as a child finds it

    schedule.ensure()

    counted.wait(1)
    assert len(set(counted.threads)) == 2


def test_the_mint_rotates_from_its_first_request_on_and_not_before(make_app, clock, sqlite):
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


def test_a_command_starts_no_thread(make_app):
    app = make_app(key_rotation_interval=INTERVAL)

    app.test_cli_runner().invoke(args=["keys", "list"])

    assert app.extensions["jobs"]["key rotation"]._thread is None


def test_with_an_interval_of_zero_nothing_is_scheduled(make_app):
    app = make_app(key_rotation_interval=0)

    assert "key rotation" not in app.extensions["jobs"]


def test_the_metrics_tell_how_many_keys_there_are_and_how_old_the_one_is_that_signs(app, clock):
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


def test_without_any_key_the_metrics_tell_no_age(clock):
    assert [family.name for family in KeyMetrics(list, clock).collect()] == ["signing_keys"]
