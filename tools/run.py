"""`make run`: keys, databases, then the four services in the foreground until Ctrl-C.

Honcho runs the processes and stops all when one ends. Exit code: 0 when asked to stop, 1 when a service failed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import welcome
from console import LogFiles
from honcho.manager import Manager
from plan import ROOT, Plan, Service, read_plan

READY_WITHIN_SECONDS = 60.0
BEGIN = time.monotonic()


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


def prepare(plan: Plan) -> bool:
    """Make the keys and migrate the databases, all at once; tell each one's outcome."""
    for folder in (plan.var, plan.var / "log"):
        folder.mkdir(mode=0o700, exist_ok=True)
    jobs = {
        "keys": (
            [sys.executable, "-m", "auth_service.signing", "--keys-dir", str(plan.keys)],
            plan.services[0],
        )
    }
    for service in plan.services:
        if service.has_data:
            command = [sys.executable, "-m", "service_kit.database", service.package]
            jobs[f"database of the {service.name}"] = (command, service)

    def work(name: str) -> bool:
        command, service = jobs[name]
        begin = time.monotonic()
        done = subprocess.run(  # noqa: S603 (our own modules, no shell)
            command,
            cwd=ROOT,
            env=plan.environment(service),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            say(f"  {name}: failed\n{done.stdout}{done.stderr}")
            return False
        say(f"  {name}: up to date ({time.monotonic() - begin:.1f} s)")
        return True

    with ThreadPoolExecutor(len(jobs)) as pool:
        return all(list(pool.map(work, jobs)))


def is_ready(service: Service) -> bool:
    """Whether the service says that it can serve."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{service.url}/readyz", timeout=1.0) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 (HTTP's own number)
    except (OSError, urllib.error.URLError, ValueError):
        return False


class Cluster(Manager):  # type: ignore[misc]  # honcho is not typed
    """The four processes under honcho, with a guard beside them for the case that this process is killed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked_to_stop = False
        self.gave_up = False
        self._ended = threading.Event()
        self._parent = os.getppid()
        self._log = LogFiles(
            plan, show=os.environ.get("LOG", "0") not in {"", "0"}, on_all_started=self._started
        )
        super().__init__(self._log)
        for service in plan.services:
            self.add_process(service.name, service.command, env=plan.environment(service), cwd=str(ROOT))
        self._guard = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, str(ROOT / "tools" / "guard.py")],
            stdin=(pipe := os.pipe())[0],
            start_new_session=True,
        )
        os.close(pipe[0])
        self._to_guard = pipe[1]

    def run(self) -> int:
        """Run until one process ends or somebody asks to stop; return the exit code."""
        signal.signal(signal.SIGHUP, self._on_hangup)
        try:
            self.loop()
        finally:
            self._ended.set()
            self._finish()
        if self.asked_to_stop or self.returncode in {128 + signal.SIGINT, 128 + signal.SIGTERM}:
            say("\nstopped")
            return 0
        if not self.gave_up:
            self._tell_who_died()
        return 1

    def terminate(self) -> None:
        """Stop all. Honcho cannot stop what has not told its process id yet: then as soon as it has."""
        self.asked_to_stop = self.asked_to_stop or (self._log.first_to_stop is None and not self.gave_up)
        if self._log.all_started:
            super().terminate()

    def _on_hangup(self, _signal: int, _frame: FrameType | None) -> None:
        self.terminate()

    def _started(self) -> None:
        self._tell_guard(*(f"group {fate.pid}" for fate in self._log.fates.values()))
        self._tell_guard(*(f"process {relay.pid}" for relay in multiprocessing.active_children()))
        if self.asked_to_stop:
            super().terminate()
        else:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Say when each service is ready, then all of them; stop when the `make` that started us is gone."""
        waiting = list(self.plan.services)
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while waiting and not self._ended.wait(0.05):
            for service in [each for each in waiting if is_ready(each)]:
                waiting.remove(service)
                say(f"  {service.name}: ready ({time.monotonic() - BEGIN:.1f} s)")
            if waiting and time.monotonic() > deadline:
                names = ", ".join(each.name for each in waiting)
                say(f"error: not ready after {READY_WITHIN_SECONDS:.0f} s: {names}; see var/log/")
                self.gave_up = True
                self.terminate()
                return
        if not waiting and not self.asked_to_stop:
            say(welcome.text(self.plan, time.monotonic() - BEGIN))
        while os.environ.get("MAKELEVEL") and not self._ended.wait(0.5):
            if os.getppid() != self._parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _tell_guard(self, *lines: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # the guard may have been killed too
            os.write(self._to_guard, "".join(f"{line}\n" for line in lines).encode())

    def _finish(self) -> None:
        """Leave nothing behind, not even a worker whose own parent was killed."""
        for fate in self._log.fates.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(fate.pid, signal.SIGKILL)
        self._tell_guard("done")
        self._guard.wait()
        self._log.close()

    def _tell_who_died(self) -> None:
        name = self._log.first_to_stop or ""
        fate = self._log.fates[name]
        say(f"\nerror: the {name} ended by itself (code {fate.code}), so all were stopped. Its last lines:\n")
        for line in fate.last_lines:
            say(f"  {line}")


def main() -> int:
    """Check, prepare, run."""
    plan, faults = read_plan(os.environ)
    if faults:
        print("".join(f"error: {fault}\n" for fault in faults), end="", file=sys.stderr)
        return 2
    os.umask(0o077)
    if (
        sys.platform != "darwin"
    ):  # elsewhere a relay must inherit honcho's signal handlers from its first moment
        multiprocessing.set_start_method("fork")
    say("starting Touchstone")
    try:
        if not prepare(plan):
            return 1
    except KeyboardInterrupt:
        return 0
    return Cluster(plan).run()


if __name__ == "__main__":
    sys.exit(main())
