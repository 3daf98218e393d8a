"""Owns the moment at which this process is told to end, so that requests that wait on purpose stop waiting."""

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
    told = threading.Event()
    with contextlib.suppress(ValueError):  # not the main thread
        _listen(told)
    return told


def _listen(told: threading.Event) -> None:
    # Python writes the number of each signal it handles into this pipe, whoever the handler belongs to.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    except ValueError:
        os.close(reading)
        os.close(writing)
        raise

    def listen() -> None:
        while not told.is_set():
            if _ENDING.intersection(os.read(reading, 64)):
                told.set()

    threading.Thread(target=listen, name="stopping", daemon=True).start()
