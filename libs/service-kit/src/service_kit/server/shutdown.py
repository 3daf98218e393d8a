"""Notice SIGTERM and SIGINT, so that held requests (`Prefer: wait`) are answered before the process ends."""

import contextlib
import functools
import os
import signal
import threading

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})


@functools.cache
def stopping() -> threading.Event:
    """Return the event that is set once this process gets SIGTERM or SIGINT; the server's own handlers stay as they are.

    To be asked for first in the main thread, as a server's import of the app is; elsewhere the event is never set,
    and waiting requests end when their time does.
    """
    listener = _listener()
    listener.attach()
    return listener.ending


def listen_again() -> None:
    """Attach again after an event loop has taken the pipe; the loop still gets its signals. Call it in the loop."""
    if stopping.cache_info().currsize:
        _listener().attach()


class _Listener:
    """Reads the pipe into which Python writes the number of each signal that it handles, by any handler."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._other: int | None = None
        threading.Thread(target=self._listen, name="stopping", daemon=True).start()

    def attach(self) -> None:
        """Have Python write into this pipe, and pass the numbers on to the pipe before. Only in the main thread."""
        with contextlib.suppress(ValueError):  # not the main thread
            other = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
            if other not in {-1, self._writing}:
                self._other = other

    def _listen(self) -> None:
        while numbers := os.read(self._reading, 64):
            if self._other is not None:
                with contextlib.suppress(OSError):  # that loop has ended
                    os.write(self._other, numbers)
            if _ENDING.intersection(numbers):
                self.ending.set()


_listener = functools.cache(_Listener)
