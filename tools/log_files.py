"""The log files of the services, which write them; this side reads them for the console."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path


class LogFiles:
    """One file for each service; the file of the last start stays beside it as `.log.1`."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.paths = {name: folder / f"{name}.log" for name in names}
        self._read_bytes = dict.fromkeys(self.paths, 0)
        for path in self.paths.values():
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            path.touch()

    def new_lines(self) -> Iterator[tuple[str, str]]:
        """Yield each service's name with each whole line that it has written since the last call."""
        for name, path in self.paths.items():
            with path.open("rb") as file:
                file.seek(self._read_bytes[name])
                for line in file:
                    if line.endswith(b"\n"):
                        self._read_bytes[name] += len(line)
                        yield name, line.decode("utf-8", "replace").rstrip()

    def last_lines(self, name: str) -> Iterator[str]:
        """Yield the last 15 lines of a service."""
        with self.paths[name].open(encoding="utf-8", errors="replace") as file:
            yield from (line.rstrip() for line in deque(file, 15))
