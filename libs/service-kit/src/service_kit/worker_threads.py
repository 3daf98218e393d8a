"""Threads that serve requests, of which a few run at once: handing over the interpreter's lock costs time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Job = Callable[[], None]
_local = threading.local()


class _Thread:
    """A thread of the pool: `job` is what it does next, `counts` whether it is one of those that run at once."""

    __slots__ = ("counts", "job", "pool", "wake")

    def __init__(self, pool: "WorkerThreads") -> None:
        self.pool = pool
        self.job: Job | None = None
        self.counts = False
        self.wake = threading.Lock()
        self.wake.acquire()

    def run(self) -> None:
        _local.thread = self
        while True:
            self.wake.acquire()
            job = self.job
            while job is not None:
                job()
                job = self.job = self.pool._next(self)  # noqa: SLF001 - one class in two


class WorkerThreads:
    """`threads` threads for jobs, of which at most `at_once` run; the others wait in the order in which they came.

    A job that waits for something outside calls `release_slot` first: it no longer counts, another one runs, and it goes on
    when it can, without asking again. So no two jobs can wait for one another here. One that waits without saying so is
    overtaken by `overtake`. A job must not raise.
    """

    def __init__(self, threads: int, at_once: int) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Job] = deque()
        self._free = at_once
        self._taken = self._seen = 0
        self._idle = [_Thread(self) for _ in range(threads)]
        for number, thread in enumerate(self._idle):
            threading.Thread(target=thread.run, name=f"worker-{number}", daemon=True).start()

    def submit(self, job: Job) -> bool:
        """Run the job on a thread as soon as its turn comes; return whether it has to wait for that."""
        with self._lock:
            self._queue.append(job)
            if self._free > 0:
                self._start()
            return bool(self._queue)

    def overtake(self) -> bool:
        """Let one more job run if none has been begun since the last call; return whether any still wait."""
        with self._lock:
            if self._taken == self._seen:
                self._start()
            self._seen = self._taken
            return bool(self._queue)

    def _start(self) -> None:
        """Wake a thread for the first job of the queue, if there are both."""
        if self._queue and self._idle:
            thread = self._idle.pop()
            thread.job = self._take(thread)
            thread.wake.release()

    def _take(self, thread: _Thread) -> Job:
        self._free -= 1
        self._taken += 1
        thread.counts = True
        return self._queue.popleft()

    def _leave(self, thread: _Thread) -> None:
        if thread.counts:
            thread.counts = False
            self._free += 1

    def _next(self, thread: _Thread) -> Job | None:
        with self._lock:
            self._leave(thread)
            if self._queue and self._free > 0:
                return self._take(thread)
            self._idle.append(thread)
            return None

    def _step_aside(self, thread: _Thread) -> None:
        with self._lock:
            self._leave(thread)
            if self._free > 0:
                self._start()


class ThreadRequired(BaseException):
    """A request that is tried outside of the pool would have to wait: it starts over on a thread."""


@contextmanager
def trying() -> Iterator[None]:
    """Try a request on a thread that must not wait; raises ThreadRequired where the request says that it would."""
    _local.trying = True
    try:
        yield
    finally:
        _local.trying = False


def require_thread() -> None:
    """Have a request that is only tried start over on a thread. Call it before it waits for a lock, or changes anything."""
    if getattr(_local, "trying", False):
        raise ThreadRequired


def release_slot() -> None:
    """Let another request run in this one's place. Call it before waiting for something outside of the interpreter."""
    require_thread()
    thread: _Thread | None = getattr(_local, "thread", None)
    if thread is not None:
        thread.pool._step_aside(thread)  # noqa: SLF001 - one class in two
