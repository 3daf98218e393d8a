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
from typing import IO

from cluster_settings import ROOT, VAR, ClusterSettings, read_settings
from log_files import LogFiles
from ready_message import ready_message

READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 4.0
BEGIN = time.monotonic()
PARENT = os.getppid()
SHOW_LOGS = os.environ.get("LOG", "0") not in {"", "0"}
MAIL = re.compile(r'"event": "mail".*"kind": "(\w+)", "link": "([^"]+)"')
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REGISTRY = ROOT / "auth-service/src/auth_service/registry.toml"
Processes = dict[str, subprocess.Popen[bytes]]


def say(text: str) -> None:
    """Print at once, even into a pipe; the terminal may be gone."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def since_begin() -> str:
    """Return the time since this program began."""
    return f"{time.monotonic() - BEGIN:.1f} s"


def make_keys(settings: ClusterSettings) -> bool:
    """Make missing keys; return whether that succeeded. The services make and migrate their databases themselves."""
    keys_made = VAR / "keys.made"
    if keys_made.exists() and keys_made.read_text() == keys_state(settings):
        return True
    # In a session of its own: Ctrl-C waits for the second that it takes, so that no key is left half made.
    command = [sys.executable, "-m", "auth_service.make_keys", "--keys-dir", str(settings.keys)]
    process = start(command, settings.environment("auth-service"), subprocess.PIPE)
    output, _ = process.communicate()
    if process.returncode:
        say(f"error: the keys cannot be made\n{output.decode(errors='replace')}")
        return False
    keys_made.write_text(keys_state(settings))
    say(f"  keys: ready ({since_begin()})")
    return True


def keys_state(settings: ClusterSettings) -> str:
    """Return the names of all key files and digests of the registry's; while they stay the same, no key is missing."""
    names = sorted(str(path.relative_to(settings.keys)) for path in settings.keys.rglob("*.pem"))
    registries = [REGISTRY, Path(settings.environ.get("REGISTRY_FILE") or os.devnull)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in registries if file.exists()]
    return "\n".join([*names, *digests])


def start(
    command: list[str], environment: dict[str, str], output: int | IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which a Ctrl-C at the terminal does not reach."""
    return subprocess.Popen(  # noqa: S603 - our own modules, no shell
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def stop(processes: Processes) -> None:
    """End every service, also workers whose own parent was killed."""
    for process in processes.values():
        process.terminate()
    deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
    for process in processes.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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
            say(f"  mail, {mail[1]}: {mail[2]}")


def watch(settings: ClusterSettings, processes: Processes, logs: LogFiles, stop_signals: list[int]) -> int:
    """Watch the services until one of them ends or a signal asks to stop; return the exit code."""
    on_terminal, waiting = os.isatty(1), list(processes)
    while not stop_signals:
        time.sleep(0.05)
        show(logs)
        for name, process in processes.items():
            if process.poll() is not None:
                say(
                    f"\nerror: {name} ended with code {process.returncode}, so all are stopped. Its last lines:\n"
                )
                say("\n".join(f"  {line}" for line in logs.last_lines(name)))
                return 1
        for name in [name for name in waiting if is_ready(settings.url(name))]:
            waiting.remove(name)
            say(f"  {name}: ready ({since_begin()})")
            if not waiting:
                say(ready_message(settings, since_begin()))
        if waiting and time.monotonic() - BEGIN > READY_WITHIN_SECONDS:
            say(f"error: not ready after {READY_WITHIN_SECONDS:.0f} s: {', '.join(waiting)}; see var/log/")
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
    processes: Processes = {}
    try:
        for name, port in settings.ports.items():
            with logs.paths[name].open("ab") as log:
                processes[name] = start(
                    settings.services[name].command(port), settings.environment(name), log
                )
        pids = [str(pid) for pid in (os.getpid(), *(process.pid for process in processes.values()))]
        reaper = start([sys.executable, "tools/orphan_reaper.py", *pids], {}, None)
        code = watch(settings, processes, logs, stop_signals)
    finally:
        stop(processes)
        show(logs)
    reaper.wait()  # it ends with the last service
    if code == 0:
        say("\nstopped")
    return code


if __name__ == "__main__":
    sys.exit(main())
