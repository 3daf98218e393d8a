"""The services that the console of the demo has stopped: names in a file that the gateway writes and this side reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


class StoppedServices:
    """The file: `{"can_stop": [...], "stopped": [...]}`. Making this starts a file in which none is stopped.

    Without a `file` no service can be stopped.
    """

    def __init__(self, file: Path | None, can_stop: Iterable[str]) -> None:
        self._file = file
        self._can_stop = frozenset(can_stop)
        if file is not None:
            file.write_text(json.dumps({"can_stop": sorted(self._can_stop), "stopped": []}))

    def names(self) -> frozenset[str]:
        """Return the names of the services that are to be stopped; none if the file is missing or damaged."""
        if self._file is None:
            return frozenset()
        try:
            return self._can_stop.intersection(json.loads(self._file.read_text())["stopped"])
        except (OSError, ValueError, LookupError, TypeError):
            return frozenset()
