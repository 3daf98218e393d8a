"""Make a service of your own from a template, or take it away again.

Usage: make new-service NAME=inventory, make remove-service NAME=inventory

`new` makes the folder inventory-service/ and adds its rows to files of other parts, between a line `# begin
inventory-service` and its end. `remove` takes these rows away, and moves the folder and its data to var/removed/. If
there is any fault, both change nothing (exit code 2). docs/how-to/your-own-service.md is the walk-through.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from service_files import (
    REGISTRY,
    ROOT,
    ROUTES,
    VAR,
    FaultError,
    move,
    removable,
    render,
    with_rows,
    without_rows,
)
from service_names import name_faults, next_port


def new(name: str) -> None:
    """Make a service."""
    if faults := name_faults(name):
        raise FaultError("\n".join(faults))
    service, port = f"{name}-service", next_port()
    VAR.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR) as folder:
        made = Path(folder)
        render(name, port, made)
        move(made / service, ROOT / service, with_rows(made / "rows"))
    print(f"""made {service}/ (port {port}), and its rows in
  {REGISTRY}: audience, scopes, client; role customer
  {ROUTES}: upstream, routes /{name}
  docker-compose.yml, README.md, deploy/envoy/

Start all services with `make run`; then paste this into another shell:

TOKEN=$(curl -sS http://localhost:8080/login -H 'Content-Type: application/json' \\
  -d '{{"email": "alice@example.com", "password": "correct-horse-battery-staple"}}' \\
  | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')
curl -sS http://localhost:8080/{name}; echo
curl -sS http://localhost:8080/{name} -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"name": "Scale", "quantity": 2}}'; echo
curl -sS http://localhost:8080/{name} -H "Authorization: Bearer $TOKEN"; echo

Which file to change first, and calls to other services: docs/how-to/your-own-service.md""")


def remove(name: str) -> None:
    """Take a service away again."""
    if name not in removable():
        those = ", ".join(f"NAME={each}" for each in removable()) or "none is there"
        raise FaultError(f"NAME={name} is no service that `make new-service` has made; those are: {those}")
    service, setting = f"{name}-service", name.replace("-", "_")
    target = VAR / "removed" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    target.mkdir(parents=True)
    try:
        move(ROOT / service, target / service, without_rows(service))
    except BaseException:
        target.rmdir()
        raise
    for data in (*VAR.glob(f"{setting}.db*"), *VAR.glob(f"log/{service}.log*"), VAR / "snapshots" / service):
        if data.exists():
            place = target / data.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            data.rename(place)
    for key in (ROOT / "keys" / "clients").glob(f"{service}.*"):
        key.unlink()
    uninstall = [sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", service]
    subprocess.run(uninstall, capture_output=True, check=False)  # noqa: S603 - our own Python
    for finished in Path(sys.prefix).glob(".finished-*"):
        finished.unlink()  # the next set-up installs what there is then
    print(f"""removed {service} with its rows and its key
Its folder and data are in {target.relative_to(ROOT)}/ until you delete them, or `make clean` does.""")


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    commands = {"new": new, "remove": remove}
    if len(arguments) != 2 or arguments[0] not in commands or not arguments[1]:  # noqa: PLR2004 - a command and its argument
        command = arguments[0] if arguments else "new"
        print(f"usage: make {command}-service NAME=inventory", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it is undone, too
    try:
        commands[arguments[0]](arguments[1])
    except (FaultError, OSError) as fault:
        print("\n".join(f"error: {line}" for line in str(fault).splitlines()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: `git status` shows whether anything was changed", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
