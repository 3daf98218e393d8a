"""A thread pool for requests, of which a few run at once: switching the interpreter's lock costs time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Job = Callable[[], None]
_local = threading.local()


class _Thread:
    """A thread of the pool: `job` is its next job, `has_slot` whether it is one of those that run at once."""

    __slots__ = ("has_slot", "job", "pool", "wake")

    def __init__(self, pool: "WorkerThreads") -> None:
        self.pool = pool
        self.job: Job | None = None
        self.has_slot = False
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
    """A pool of `threads` threads with `at_once` slots; jobs wait for a slot in the order of `submit`.

    A job calls `release_slot` before it waits for I/O: another job gets its slot, and it goes on without one, so no
    job waits here for another. `overtake` starts jobs beside ones that block without `release_slot`. A job must not
    raise.
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
        """Run the job on a thread once a slot is free; return whether any job waits."""
        with self._lock:
            self._queue.append(job)
            if self._free > 0:
                self._start()
            return bool(self._queue)

    def overtake(self) -> bool:
        """Start one more job if none has started since the last call; return whether any still waits."""
        with self._lock:
            if self._taken == self._seen:
                self._start()
            self._seen = self._taken
            return bool(self._queue)

    def _start(self) -> None:
        """Start the first job of the queue, if there is one, on an idle thread, if there is one."""
        if self._queue and self._idle:
            thread = self._idle.pop()
            thread.job = self._take(thread)
            thread.wake.release()

    def _take(self, thread: _Thread) -> Job:
        self._free -= 1
        self._taken += 1
        thread.has_slot = True
        return self._queue.popleft()

    def _release(self, thread: _Thread) -> None:
        if thread.has_slot:
            thread.has_slot = False
            self._free += 1

    def _next(self, thread: _Thread) -> Job | None:
        with self._lock:
            self._release(thread)
            if self._queue and self._free > 0:
                return self._take(thread)
            self._idle.append(thread)
            return None

    def _release_slot(self, thread: _Thread) -> None:
        with self._lock:
            self._release(thread)
            if self._free > 0:
                self._start()


class ThreadRequired(BaseException):
    """A request that is tried in the event loop would block: it starts again on a thread of the pool."""


@contextmanager
def trying() -> Iterator[None]:
    """Try a request on a thread that must not block; raise ThreadRequired where the request calls `require_thread`."""
    _local.trying = True
    try:
        yield
    finally:
        _local.trying = False


def require_thread() -> None:
    """Raise ThreadRequired in a request that is only tried. Call it before waiting for a lock or changing anything."""
    if getattr(_local, "trying", False):
        raise ThreadRequired


def release_slot() -> None:
    """Release this request's slot for another one. Call it before waiting for I/O, never in a transaction."""
    require_thread()
    thread: _Thread | None = getattr(_local, "thread", None)
    if thread is not None:
        thread.pool._release_slot(thread)  # noqa: SLF001 - one class in two
