"""Where the output of the services goes: a file each, and the console when it was asked for."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from cluster_settings import Plan
from honcho.printer import Message, Printer

EVENT = re.compile(r"(?P<name>\S+) (?P<what>started|stopped) \((?:pid|rc)=(?P<number>-?\d+)\)\n")
LAST_LINES = 15


@dataclass
class Fate:
    """What is known of one process."""

    pid: int
    code: int | None = None
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


def mailed_link(line: str) -> str | None:
    """Return the link of a mail that the demo has just written, if this line of a log says so."""
    if '"event": "mail"' not in line:
        return None
    try:
        said = json.loads(line)
        return f"{said['kind']}: {said['link']}"
    except (ValueError, KeyError, TypeError):
        return None


class LogFiles(Printer):  # type: ignore[misc]  # honcho is not typed
    """A honcho printer that keeps one log file a service, the one of the last start beside it, and who lives."""

    def __init__(
        self, plan: Plan, *, show: bool, on_all_started: Callable[[], None], on_mail: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.fates: dict[str, Fate] = {}
        self.first_to_stop: str | None = None
        self._expected = len(plan.services)
        self._show = show
        self._on_all_started = on_all_started
        self._on_mail = on_mail
        self._files: dict[str, IO[str]] = {}
        for service in plan.services:
            log = plan.log(service)
            log.parent.mkdir(parents=True, exist_ok=True)
            if log.exists():
                log.replace(log.with_suffix(".log.1"))
            self._files[service.name] = log.open("w", encoding="utf-8", buffering=1)

    @property
    def all_started(self) -> bool:
        """Whether every process has told its id."""
        return len(self.fates) == self._expected

    def write(self, message: Message) -> None:
        """Take one line of a service, or one event that honcho tells."""
        if message.name in self._files:
            text = (
                message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
            )
            self._files[message.name].write(text.rstrip("\n") + "\n")
            if message.name in self.fates:
                self.fates[message.name].last_lines.append(text.rstrip())
            if self._show:
                super().write(message)
            elif link := mailed_link(text):
                self._on_mail(link)
        elif event := EVENT.fullmatch(message.data):
            self._note(event["name"], event["what"], int(event["number"]))

    def _note(self, name: str, what: str, number: int) -> None:
        if what == "started":
            self.fates[name] = Fate(pid=number)
            if self.all_started:
                self._on_all_started()
        else:
            self.first_to_stop = self.first_to_stop or name
            self.fates[name].code = number

    def close(self) -> None:
        """Close the files."""
        for each in self._files.values():
            each.close()
