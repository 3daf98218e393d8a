"""The log files of the services, which write them; this side reads them for the console."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO


class LogFiles:
    """One file for each service; the file of the last start stays beside it as `.log.1`."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.paths = {name: folder / f"{name}.log" for name in names}
        self._readers: dict[str, IO[bytes]] = {}
        for name, path in self.paths.items():
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            path.touch()
            self._readers[name] = path.open("rb")

    def new_lines(self) -> Iterator[tuple[str, str]]:
        """Yield each service's name with each whole line that it has written since the last call."""
        for name, file in self._readers.items():
            start = file.tell()
            for line in file:
                if line.endswith(b"\n"):
                    start += len(line)
                    yield name, line.decode("utf-8", "replace").rstrip()
            file.seek(start)

    def last_lines(self, name: str) -> Iterator[str]:
        """Yield the last 15 lines of a service."""
        with self.paths[name].open(encoding="utf-8", errors="replace") as file:
            yield from (line.rstrip() for line in deque(file, 15))
