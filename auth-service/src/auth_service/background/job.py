"""A job of this process that comes up again and again: a thread that starts when the process is put to use."""

import atexit
import os
import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)
STOP_BOUND = 5.0  # seconds that the end of the process waits for a job under way
AFTER_FAILURE = 0.5  # seconds at least until a job that failed is called again


class Job:
    """Calls ``job`` in a daemon thread, at once and then every so many seconds; what it raises is logged, and that is all.

    Nothing runs until ``ensure`` is called: neither importing the service nor a command starts a thread, and a process
    that was forked starts its own.
    """

    def __init__(self, name: str, job: Callable[[], object], every: float) -> None:
        self._name, self._job, self._every = name, job, every
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._bell = threading.Event()
        self._pid = 0
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Start the thread unless this process has it; cheap enough to be called with every request."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid != os.getpid() and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
                self._pid = os.getpid()
                atexit.register(self.stop)

    def wake(self) -> None:
        """Have the job called at once, or again after the call under way; nothing before ``ensure``."""
        self._bell.set()

    def stop(self) -> None:
        """End it for good, after the job that may be under way."""
        self._stop.set()
        self._bell.set()
        atexit.unregister(self.stop)
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(STOP_BOUND)

    def _run(self) -> None:
        while True:
            self._bell.clear()
            if self._stop.is_set():
                return
            pause = self._every
            try:
                self._job()
            except Exception as error:  # noqa: BLE001 (the next look must come, whatever went wrong with this one)
                _log.error("a scheduled job failed", job=self._name, reason=type(error).__name__)
                pause = max(pause, AFTER_FAILURE)
            self._bell.wait(pause)
