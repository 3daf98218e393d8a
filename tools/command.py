"""`make auth` and so on, for each service: a command of it on the databases and keys that `make run` uses.

Usage: command.py SERVICE [ARGUMENT…]   the arguments go to `flask --app PACKAGE`.

The services need not run. The settings are those of the last `make run`; the environment's come first.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cluster_settings import read_settings, saved_settings


def become(name: str, arguments: list[str]) -> NoReturn:
    """Become the service's command; exit with a message when there is nothing to work on."""
    saved = saved_settings()
    if saved is None:
        sys.exit("error: there are no databases and keys yet: run `make run` once")
    settings, faults = read_settings(saved | {key: value for key, value in os.environ.items() if value})
    if not faults and name not in settings.services:
        faults = [f"there is no service {name}; there are {', '.join(settings.services)}"]
    if faults:
        sys.exit("\n".join(f"error: {fault}" for fault in faults))
    os.umask(0o077)
    command = [
        sys.executable,
        "-m",
        "flask",
        "--app",
        settings.services[name].package,
        *(arguments or ["--help"]),
    ]
    # A command adds no demo accounts.
    os.execve(sys.executable, command, settings.environment(name) | {"DEMO": "0"})  # noqa: S606 - our own Python, no shell


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 - a program and a service
        sys.exit(__doc__)
    become(sys.argv[1], sys.argv[2:])
