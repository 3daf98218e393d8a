"""The thread pool for requests."""

import threading

import pytest
from service_kit.worker_threads import WorkerThreads, release_slot

BOUND = 10


class Job:
    """A job that sets `begun`, and runs until `end` is set."""

    def __init__(self, *, aside=False):
        self.begun, self.ended = threading.Event(), threading.Event()
        self._end = threading.Event()
        self._aside = aside

    def __call__(self):
        if self._aside:
            release_slot()
            release_slot()  # counts once
        self.begun.set()
        assert self._end.wait(BOUND)
        self.ended.set()

    def end(self):
        self._end.set()
        assert self.ended.wait(BOUND)


@pytest.fixture
def jobs():
    """`jobs(workers, n, **options)`: hand in n jobs; all of them end with the test."""
    made = []

    def hand_in(workers, number, **options):
        new = [Job(**options) for _ in range(number)]
        made.extend(new)
        return new, [workers.submit(job) for job in new]

    yield hand_in
    for job in made:
        job._end.set()


def begun(these):
    return [job.begun.is_set() for job in these]


def test_jobs_run_in_order_up_to_limit(jobs):
    workers = WorkerThreads(4, 2)
    (first, second, third, fourth), waits = jobs(workers, 4)

    assert waits == [False, False, True, True]
    assert first.begun.wait(BOUND)
    assert second.begun.wait(BOUND)
    assert begun((third, fourth)) == [False, False]
    first.end()
    assert third.begun.wait(BOUND)
    assert not fourth.begun.is_set()


def test_released_slot_runs_next_job(jobs):
    workers = WorkerThreads(3, 1)
    (aside, *_), _ = jobs(workers, 1, aside=True)
    assert aside.begun.wait(BOUND)

    (first, second), waits = jobs(workers, 2)

    assert waits == [False, True]
    assert first.begun.wait(BOUND)
    aside.end()
    assert not second.begun.is_set()  # its end frees no second slot
    first.end()
    assert second.begun.wait(BOUND)


def test_more_jobs_than_threads_wait(jobs):
    workers = WorkerThreads(2, 1)
    asides, _ = jobs(workers, 2, aside=True)
    assert all(job.begun.wait(BOUND) for job in asides)

    (last,), waits = jobs(workers, 1)

    assert waits == [True]
    assert not workers.overtake() or not last.begun.is_set()
    asides[0].end()
    assert last.begun.wait(BOUND)


def test_job_without_progress_is_overtaken(jobs):
    workers = WorkerThreads(2, 1)
    (stuck, waiting), _ = jobs(workers, 2)
    assert stuck.begun.wait(BOUND)

    workers.overtake()  # something was begun since the last call: none
    assert not waiting.begun.is_set()
    assert workers.overtake() is False
    assert waiting.begun.wait(BOUND)

    (next_one,), _waits = jobs(workers, 1)
    waiting.end()
    assert not next_one.begun.is_set()  # what was lent is given back
    stuck.end()
    assert next_one.begun.wait(BOUND)


def test_release_slot_outside_pool_does_nothing():
    release_slot()
