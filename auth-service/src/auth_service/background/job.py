"""A recurring job in a thread of its own."""

import atexit
import os
import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)
STOP_SECONDS = 5.0  # how long the end of the process waits for a call under way
AFTER_FAILURE_SECONDS = 0.5  # the shortest pause after a call that failed


class Job:
    """Calls `work` in a daemon thread, at once and then every `every` seconds; logs what it raises, and goes on.

    The thread starts with `ensure`, in the process that calls it: neither an import nor a command starts one, and a
    forked process starts its own. `every` may be a function that returns the seconds until the next call.
    """

    def __init__(self, name: str, work: Callable[[], object], every: float | Callable[[], float]) -> None:
        self.name = name
        self._work, self._every = work, every
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._pid = 0
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Start the thread unless this process has it; cheap enough to be called with every request."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid != os.getpid() and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()
                self._pid = os.getpid()
                atexit.register(self.stop)

    def wake(self) -> None:
        """Call the work at once, or again after the call under way; do nothing before `ensure`."""
        self._wake.set()

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """End the thread for good, after the call under way; wait for it for at most `patience` seconds."""
        self._stop.set()
        self._wake.set()
        atexit.unregister(self.stop)
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            self._wake.clear()
            if self._stop.is_set():
                return
            failed = False
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - the next call must come, whatever went wrong with this one
                _log.error("a scheduled job failed", job=self.name, reason=type(error).__name__)
                failed = True
            pause = self._every() if callable(self._every) else self._every
            self._wake.wait(max(pause, AFTER_FAILURE_SECONDS) if failed else pause)
