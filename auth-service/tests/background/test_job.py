"""Scheduled key rotation, and the thread that runs it."""

import os
import threading

import pytest
from auth_service.background.job import Job


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
