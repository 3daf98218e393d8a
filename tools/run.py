"""`make run`: make the keys, then run all services in the foreground until Ctrl-C.

Exit code: 0 when asked to stop, 1 when a service ended or the keys cannot be made, 2 when a setting is wrong or a port taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from cluster_settings import ROOT, VAR, ClusterSettings, read_settings
from log_files import LogFiles
from ready_message import ready_message
from service_processes import ServiceProcesses, start_process
from stopped_services import StoppedServices

READY_WITHIN_SECONDS = 60.0
BEGIN = time.monotonic()
PARENT = os.getppid()
SHOW_LOGS = os.environ.get("LOG", "0") not in {"", "0"}
MAIL = re.compile(r'"event": "mail".*"kind": "(\w+)", "link": "([^"]+)", "code": (?:"([^"]+)"|null)')
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REGISTRY = ROOT / "auth-service/src/auth_service/registry.toml"
CAN_STOP = ("auth-service",)  # by the console: the others go on without it


def say(text: str) -> None:
    """Print at once, even into a pipe; the terminal may be gone."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def seconds_since(time_of_start: float) -> str:
    """Return the time since another one, in words."""
    return f"{time.monotonic() - time_of_start:.1f} s"


def make_keys(settings: ClusterSettings) -> bool:
    """Make missing keys; return whether that succeeded. The services make and migrate their databases themselves."""
    keys_made = VAR / "keys.made"
    if keys_made.exists() and keys_made.read_text() == keys_state(settings):
        return True
    # In a session of its own: Ctrl-C waits for the second that it takes, so that no key is left half made.
    command = [sys.executable, "-m", "auth_service.make_keys", "--keys-dir", str(settings.keys)]
    process = start_process(command, settings.environment("auth-service"), subprocess.PIPE)
    output, _ = process.communicate()
    if process.returncode:
        say(f"error: the keys cannot be made\n{output.decode(errors='replace')}")
        return False
    keys_made.write_text(keys_state(settings))
    say(f"  keys: ready ({seconds_since(BEGIN)})")
    return True


def keys_state(settings: ClusterSettings) -> str:
    """Return the names of all key files and digests of the registry's; while they stay the same, no key is missing."""
    names = sorted(
        str(path.relative_to(settings.keys)) for path in settings.keys.rglob("[a-z0-9]*") if path.is_file()
    )
    registries = [REGISTRY, Path(settings.environ.get("REGISTRY_FILE") or os.devnull)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in registries if file.exists()]
    return "\n".join([*names, *digests])


def is_ready(url: str) -> bool:
    """Return whether a service answers that it can serve."""
    try:
        with DIRECT.open(f"{url}/readyz", timeout=1.0):
            return True
    except (OSError, ValueError):
        return False


def show(logs: LogFiles) -> None:
    """Print what the services have written since the last call: with LOG=1 every line, else the links in mails alone."""
    for name, line in logs.new_lines():
        if SHOW_LOGS:
            say(f"{name:<14} | {line}")
        elif mail := MAIL.search(line):
            code = f" (code {mail[3]})" if mail[3] else ""
            say(f"  mail, {mail[1]}: {mail[2]}{code}")


def obey(stopped: StoppedServices, services: ServiceProcesses) -> list[str]:
    """Stop and start services as the console of the demo has asked; return the names of those started."""
    names = stopped.names()
    to_stop = sorted(names & services.running.keys())
    to_start = sorted(services.stopped - names)
    for name in to_stop:
        say(f"  {name}: stopping, as the console has asked")
    services.stop(to_stop)
    if to_start:
        services.start(to_start)
    return to_start


def watch(
    settings: ClusterSettings,
    services: ServiceProcesses,
    stopped: StoppedServices,
    logs: LogFiles,
    stop_signals: list[int],
) -> int:
    """Watch the services until one of them ends or a signal asks to stop; return the exit code."""
    on_terminal, all_ready = os.isatty(1), False
    waiting = dict.fromkeys(services.running, BEGIN)
    while not stop_signals:
        time.sleep(0.05)
        show(logs)
        waiting |= dict.fromkeys(obey(stopped, services), time.monotonic())
        for name, process in services.running.items():
            if process.poll() is not None:
                say(
                    f"\nerror: {name} ended with code {process.returncode}, so all are stopped. Its last lines:\n"
                )
                say("\n".join(f"  {line}" for line in logs.last_lines(name)))
                return 1
        waiting = {name: since for name, since in waiting.items() if name in services.running}
        for name in [name for name in waiting if is_ready(settings.url(name))]:
            say(f"  {name}: ready ({seconds_since(waiting.pop(name))})")
        if not waiting and not all_ready:
            all_ready = True
            say(ready_message(settings, seconds_since(BEGIN)))
        if late := [
            name for name, since in waiting.items() if time.monotonic() - since > READY_WITHIN_SECONDS
        ]:
            say(f"error: not ready after {READY_WITHIN_SECONDS:.0f} s: {', '.join(late)}; see var/log/")
            return 1
        # The `make` or the terminal that started this may end without a signal.
        if ("MAKELEVEL" in os.environ and os.getppid() != PARENT) or (on_terminal and not os.isatty(1)):
            break
    return 0


def main() -> int:
    """Check the settings, make the keys, start, watch, stop."""
    stop_signals: list[int] = []
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _frame: stop_signals.append(number))
    settings, faults = read_settings(os.environ)
    if faults := [*faults, *settings.taken_ports()]:
        print("".join(f"error: {fault}\n" for fault in faults), end="", file=sys.stderr)
        return 2
    os.umask(0o077)
    say("starting Touchstone")
    for folder in (VAR, VAR / "log"):
        folder.mkdir(mode=0o700, exist_ok=True)
    settings.save()
    if not make_keys(settings):
        return 1
    logs = LogFiles(VAR / "log", settings.ports)
    stopped = StoppedServices(settings.stopped_services, CAN_STOP)
    services = ServiceProcesses(settings, logs)
    try:
        services.start(settings.ports)
        code = watch(settings, services, stopped, logs, stop_signals)
    finally:
        services.close()
        show(logs)
    if code == 0:
        say("\nstopped")
    return code


if __name__ == "__main__":
    sys.exit(main())
