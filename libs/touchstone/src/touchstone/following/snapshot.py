"""Owns the copy of a document on disk: what a process that starts during an outage begins with."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

log = logging.getLogger("touchstone")

EVERY = 10.0  # seconds between two writes


class Snapshot:
    """The last good answer, in a file of mode 0600 at `path` whose time says when the server last stood by it.

    What is older than `max_age` seconds, by `now` (seconds since the epoch), or larger than `max_bytes`, is not loaded.
    Never raises: without a snapshot all goes on as if there were none.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_age: float, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._now = now
        self._unwritten: bytes | None = None
        self._written = float("-inf")
        self._warned = False

    def load(self) -> tuple[bytes, float] | None:
        """Return the document and its age in seconds, or None."""
        try:
            with self._path.open("rb") as file:
                age = self._now() - os.fstat(file.fileno()).st_mtime
                body = file.read(self._max_bytes + 1)
        except OSError:
            return None
        # One from the future tells of a clock that was wrong, then or now.
        return (body, age) if abs(age) <= self._max_age and len(body) <= self._max_bytes else None

    def keep(self, body: bytes | None) -> None:
        """Note that the server has just sent this document, or (None) confirmed the last one."""
        if body is not None:
            self._unwritten = body
        now = self._now()
        if abs(now - self._written) < EVERY:
            return
        self._written = now
        try:
            if self._unwritten is None:
                os.utime(self._path, (now, now))
            else:
                self._write(self._unwritten, now)
                self._unwritten = None
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning("cannot write %s: %s", self._path, error.strerror)

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
