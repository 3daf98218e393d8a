"""The processes of `make run`: each service in a session of its own, ended with the runner in any case."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import IO

from cluster_settings import ROOT, ClusterSettings
from log_files import LogFiles

STOPPED_WITHIN_SECONDS = 4.0


class ServiceProcesses:
    """The running services by name; each writes to its log file."""

    def __init__(self, settings: ClusterSettings, logs: LogFiles) -> None:
        self._settings, self._logs = settings, logs
        self._reapers: list[subprocess.Popen[bytes]] = []
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def stopped(self) -> frozenset[str]:
        """The names of the services that do not run."""
        return frozenset(self._settings.ports) - self.running.keys()

    def start(self, names: Iterable[str]) -> None:
        """Start services, and with them a process that ends them when this one is killed."""
        pids = [os.getpid()]
        for name in names:
            command = self._settings.services[name].command(self._settings.ports[name])
            with self._logs.paths[name].open("ab") as log:
                self.running[name] = start_process(command, self._settings.environment(name), log)
            pids.append(self.running[name].pid)
        reaper = [sys.executable, "tools/orphan_reaper.py", *map(str, pids)]
        self._reapers.append(start_process(reaper, {}, None))

    def stop(self, names: Iterable[str]) -> None:
        """End services, also workers whose own parent was killed."""
        processes = [self.running.pop(name) for name in names]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOPPED_WITHIN_SECONDS
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """End all services."""
        self.stop(list(self.running))
        for reaper in self._reapers:
            reaper.wait()  # it ends with the last of its services


def start_process(
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
