"""`make auth`, `make orders`: a command of a service on the databases and keys that `make run` uses.

Usage: command.py SERVICE [ARGUMENT…]   the arguments go to `flask --app PACKAGE`.

The services may run meanwhile or not. Settings are those of the last `make run`; the environment's come first.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cluster_settings import read_note, read_plan


def become(name: str, arguments: list[str]) -> NoReturn:
    """Become the service's command; exit with a message when there is nothing to work on."""
    note = read_note()
    if note is None:
        sys.exit("error: nothing is set up here yet; `make run` does it at its first start")
    plan, faults = read_plan(note | {name: value for name, value in os.environ.items() if value})
    if faults:
        sys.exit("\n".join(f"error: {fault}" for fault in faults))
    service = plan[name]
    settings = plan.environment(service) | {"DEMO": "0"}  # a command adds no demo accounts
    os.umask(0o077)
    command = [sys.executable, "-m", "flask", "--app", service.how.package, *(arguments or ["--help"])]
    os.execve(sys.executable, command, settings)  # noqa: S606 (our own Python, no shell)


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 (a program and a service)
        sys.exit(__doc__)
    become(sys.argv[1], sys.argv[2:])
