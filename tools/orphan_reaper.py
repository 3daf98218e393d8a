"""Stops what a runner started when the runner itself was killed and could not.

Reads lines from its standard input: `group N` and `process N` name what to end, `ended N` what is none of ours any
more, `done` means all is well. It is in a session of its own, so neither Ctrl-C nor the death of the terminal reaches it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

GRACE_SECONDS = 5.0
Target = tuple[Callable[[int, int], None], int]


def send(targets: list[Target], signal_number: int) -> list[Target]:
    """Signal every target and return those that are still there."""
    alive = []
    for kill, number in targets:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(number, signal_number)
            alive.append((kill, number))
    return alive


def end(targets: list[Target]) -> None:
    """Ask to stop, wait a little, then insist."""
    alive = send(targets, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(0.1)
        alive = send(alive, 0)
    send(alive, signal.SIGKILL)


def main() -> None:
    """Watch until `done`, or until the runner is gone."""
    runner = os.getppid()
    targets: list[Target] = []
    pending = b""
    open_input = True
    while os.getppid() == runner:
        # The end of the input says nothing: other children of the runner hold its other end too.
        readable, _, _ = select.select([0] if open_input else [], [], [], 0.3)
        if not readable:
            continue
        chunk = os.read(0, 4096)
        open_input = bool(chunk)
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            kind, _, number = line.partition(b" ")
            if kind == b"done":
                return
            if kind == b"ended":  # its number may become somebody else's
                targets = [target for target in targets if target[1] != int(number)]
                continue
            targets.append((os.killpg if kind == b"group" else os.kill, int(number)))
    end(targets)


if __name__ == "__main__":
    main()
