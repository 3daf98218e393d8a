"""The last good document as a file, for a process that starts during an outage."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

log = logging.getLogger("touchstone")

WRITE_INTERVAL_SECONDS = 10.0


class Snapshot:
    """A file of mode 0600 at `path`; its modification time is when the server last confirmed the document.

    A file older than `max_age` seconds, by `now` (seconds since the epoch), or larger than `max_bytes`, is not loaded.
    Never raises: without a snapshot everything works as if there were none.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_age: float, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._now = now
        self._unwritten: bytes | None = None
        self._written_at = float("-inf")
        self._warned = False

    def load(self) -> tuple[bytes, float] | None:
        """Return the document and its age in seconds, or None."""
        try:
            with self._path.open("rb") as file:
                age = self._now() - os.fstat(file.fileno()).st_mtime
                body = file.read(self._max_bytes + 1)
        except OSError:
            return None
        # A time in the future means that the clock was wrong, then or now.
        return (body, age) if abs(age) <= self._max_age and len(body) <= self._max_bytes else None

    def save(self, body: bytes | None) -> None:
        """Record that the server has just sent this document, or (None) confirmed the last one.

        Writes at most once in 10 s.
        """
        if body is not None:
            self._unwritten = body
        now = self._now()
        if abs(now - self._written_at) < WRITE_INTERVAL_SECONDS:
            return
        self._written_at = now
        try:
            if self._unwritten is None:
                os.utime(self._path, (now, now))
            else:
                self._write(self._unwritten, now)
                self._unwritten = None
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning("cannot write the snapshot %s: %s", self._path, error.strerror)

    def _write(self, body: bytes, now: float) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = mkstemp(dir=self._path.parent)  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            os.utime(name, (now, now))
            Path(name).replace(self._path)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise
