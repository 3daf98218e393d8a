"""SIGTERM and SIGINT as an event, the time between SIGTERM and the end, and an end with the parent process."""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})


@functools.cache
def stopping() -> threading.Event:
    """Return the event that SIGTERM or SIGINT sets; the server's signal handlers stay in place.

    The first call must be in the main thread, as when a server imports the app; elsewhere the event is never set, and
    held requests end at their time limit.
    """
    listener = _listener()
    listener.attach()
    return listener.ending


def draining() -> Callable[[], str | None]:
    """Return a readiness check that fails from SIGTERM on, so that no more requests are sent to this process."""
    ending = stopping()
    return lambda: "the service is shutting down" if ending.is_set() else None


def listen_again(drain_seconds: float = 0.0) -> None:
    """Listen again after an event loop has replaced the pipe; the loop still gets its signals. Call it in the loop.

    The loop gets SIGTERM `drain_seconds` after the event is set, SIGINT at once. The event must have been asked for.
    """
    if stopping.cache_info().currsize:
        _listener().drain_seconds = drain_seconds
        _listener().attach()


def end_with_parent() -> None:
    """Have this process get SIGTERM when the server's main process has been killed, which would leave it behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.join,), name="parent", daemon=True).start()


def _end_after(wait: Callable[[], None]) -> None:
    wait()
    os.kill(os.getpid(), signal.SIGTERM)


class _Listener:
    """Reads the pipe to which Python writes the number of each signal that has a handler."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self.drain_seconds = 0.0
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._other: int | None = None
        threading.Thread(target=self._listen, name="stopping", daemon=True).start()

    def attach(self) -> None:
        """Have Python write to this pipe, which forwards to the one before. Works in the main thread alone."""
        with contextlib.suppress(ValueError):  # not the main thread
            other = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
            if other not in {-1, self._writing}:
                self._other = other

    def _listen(self) -> None:
        while numbers := os.read(self._reading, 64):
            if _ENDING.intersection(numbers):
                self.ending.set()
            if self.drain_seconds and signal.SIGTERM in numbers:
                timer = threading.Timer(self.drain_seconds, self._forward, [numbers])
                timer.daemon = True
                timer.start()
            else:
                self._forward(numbers)

    def _forward(self, numbers: bytes) -> None:
        if self._other is not None:
            with contextlib.suppress(OSError):  # that loop has ended
                os.write(self._other, numbers)


_listener = functools.cache(_Listener)
