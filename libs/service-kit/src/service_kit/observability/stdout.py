"""Whole lines to stdout, without waiting: a pipe that is not read must not stop a server."""

import contextlib
import os
import select
import sys
import threading
from collections import deque

MAX_WAITING = 4 * 1024 * 1024  # bytes
_PIECE = select.PIPE_BUF  # bytes that a pipe which is ready takes at once


class Stdout:
    """Writes to sys.stdout, looked up at each write.

    What it does not take at once waits for it in a thread, up to MAX_WAITING bytes; `dropped` counts the lines beyond.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Write lines in the order of the calls. Never wait for a reader, and raise nothing if stdout is closed."""
        with contextlib.suppress(OSError, ValueError, AttributeError), self._lock:
            try:
                stdout = sys.stdout.fileno()
            except OSError:  # no file, as in a test
                sys.stdout.write(text)
                return
            rest = text.encode("utf-8", "backslashreplace")
            if not self._waiting:
                rest = _write(stdout, rest)
            if not rest:
                return
            if self._size + len(rest) > MAX_WAITING and self._waiting:
                self.dropped += text.count("\n")
                return
            if not self._waiting:
                threading.Thread(target=self._drain, args=(stdout,), name="stdout", daemon=True).start()
            self._waiting.append(rest)
            self._size += len(rest)

    def _drain(self, stdout: int) -> None:
        """Write what waits, as stdout is ready for it."""
        ready = select.poll()
        ready.register(stdout, select.POLLOUT)
        while True:
            ready.poll()
            with self._lock:
                rest = self._waiting.popleft()
                self._size -= len(rest)
                with contextlib.suppress(OSError):  # closed: forget it
                    if rest := _write(stdout, rest):
                        self._waiting.appendleft(rest)
                        self._size += len(rest)
                if not self._waiting:
                    return


def _write(file: int, data: bytes) -> bytes:
    """Write as much as the file takes without waiting, and return the rest."""
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    while data and ready.poll(0):
        data = data[os.write(file, data[:_PIECE]) :]
    return data


stdout = Stdout()
