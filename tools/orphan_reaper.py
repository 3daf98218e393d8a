"""End process groups once the runner that started them is gone: one that is killed cannot end them itself.

Usage: orphan_reaper.py RUNNER GROUP…   RUNNER is the process that starts this, in a session that no Ctrl-C reaches.

It ends by itself with the last of the groups.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_SECONDS = 5.0


def send(groups: list[int], signal_number: int) -> list[int]:
    """Signal the groups and return those that exist."""
    found = []
    for group in groups:
        try:
            os.killpg(group, signal_number)
        except (ProcessLookupError, PermissionError):  # none, or nothing but a zombie on macOS
            continue
        found.append(group)
    return found


def main() -> None:
    """Wait until the runner is gone; send SIGTERM, and SIGKILL to groups that exist `GRACE_SECONDS` later."""
    runner, *groups = map(int, sys.argv[1:])
    while groups and os.getppid() == runner:
        time.sleep(0.3)
        groups = send(groups, 0)
    groups = send(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        time.sleep(0.1)
        groups = send(groups, 0)
    send(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
