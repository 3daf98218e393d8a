"""The four services as processes under honcho: started, watched, told about, stopped for sure."""

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

import ready_message
from cluster_settings import ROOT, Plan, Service
from honcho.manager import Manager
from log_files import LogFiles

READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 4.0
BEGIN = time.monotonic()
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def say(text: str) -> None:
    """Print at once, also into a pipe, and in one piece, for threads speak here too."""
    with contextlib.suppress(OSError):  # nobody may be listening any more
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def is_ready(service: Service) -> bool:
    """Whether the service says that it can serve."""
    try:
        with DIRECT.open(f"{service.url}/readyz", timeout=1.0) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 (HTTP's own number)
    except (OSError, urllib.error.URLError, ValueError):
        return False


class Cluster(Manager):  # type: ignore[misc]  # honcho is not typed
    """The four processes under honcho, with a guard beside them for the case that this process is killed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked_to_stop = False
        self.gave_up = False
        self._stopping = False
        self._ended = threading.Event()
        self._parent = os.getppid()
        self._on_terminal = sys.stdout.isatty()
        self._log = LogFiles(
            plan,
            show=os.environ.get("LOG", "0") not in {"", "0"},
            on_all_started=self._started,
            on_mail=lambda link: say(f"  mail, {link}"),
        )
        super().__init__(self._log)
        for service in plan.services:
            self.add_process(service.name, service.command, env=plan.environment(service), cwd=str(ROOT))
        self._guard = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, str(ROOT / "tools" / "orphan_reaper.py")],
            stdin=(pipe := os.pipe())[0],
            start_new_session=True,
        )
        os.close(pipe[0])
        self._to_guard = pipe[1]

    def run(self) -> int:
        """Run until one process ends or somebody asks to stop; return the exit code."""
        signal.signal(signal.SIGHUP, lambda _signal, _frame: self.terminate())
        try:
            self.loop()
        finally:
            self._ended.set()
            self._finish()
        if self.asked_to_stop:
            say("\nstopped")
            return 0
        if not self.gave_up:
            self._tell_who_died()
        return 1

    def terminate(self) -> None:
        """Stop all, for sure.

        Honcho cannot stop what has not told its process id yet: that is stopped as soon as it has. And honcho waits
        forever for processes that miss its signal, as a server does in its first moments: they are killed.
        """
        self.asked_to_stop = self.asked_to_stop or (self._log.first_to_stop is None and not self.gave_up)
        if self._log.all_started and not self._stopping:
            self._stopping = True
            super().terminate()
            insist = threading.Timer(STOPPED_WITHIN_SECONDS, self.kill)
            insist.daemon = True
            insist.start()

    def _started(self) -> None:
        self._tell_guard(*(f"group {fate.pid}" for fate in self._log.fates.values()))
        self._tell_guard(*(f"process {relay.pid}" for relay in multiprocessing.active_children()))
        if self.asked_to_stop:
            self.terminate()
        else:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Say when each service is ready, then all of them; then look out for being forgotten."""
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
            say(ready_message.text(self.plan, time.monotonic() - BEGIN))
        while not self._ended.wait(0.5):
            if self._is_forgotten():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _is_forgotten(self) -> bool:
        """Whether the `make` or the terminal that we belong to has gone; neither always tells."""
        orphaned = "MAKELEVEL" in os.environ and os.getppid() != self._parent
        return orphaned or (self._on_terminal and not os.isatty(1))

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
