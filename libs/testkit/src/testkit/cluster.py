"""The real services as processes of this machine."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import requests
from service_kit.server.service_table import LOOPBACK, Service, read_services

__all__ = [
    "DEMO_PASSWORD",
    "SERVICES",
    "Cluster",
    "ClusterError",
    "Process",
    "Service",
    "free_ports",
    "start_process",
]

DEMO_PASSWORD = "correct-horse-battery-staple"
SERVER_PORTS = range(10_000, 32_000)
START_TIMEOUT_SECONDS = 180.0  # on a busy machine imports are slow
STOP_TIMEOUT_SECONDS = 10.0
_ROOT = Path(__file__).resolve().parents[4]  # this package is never installed from a wheel
_REAPER = _ROOT / "tools" / "orphan_reaper.py"  # ends the services when this process is killed
SERVICES = read_services(_ROOT)
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


def free_ports(count: int) -> list[int]:
    """Return `count` different loopback ports that are free now.

    They are outside of the range from which the system takes ports for connections and for servers on port 0, so
    that they stay free until the server they are meant for is up.
    """
    found: list[int] = []
    for port in random.sample(SERVER_PORTS, len(SERVER_PORTS)):
        if len(found) == count:
            break
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


class Process(Protocol):
    """The part of `subprocess.Popen` that a cluster uses."""

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""

    @property
    def returncode(self) -> int | None:
        """The exit code, None until `poll` or `wait` has returned it."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended; raise subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Send SIGTERM."""


def start_process(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
) -> Process:
    """Start a command in its own session, in `folder`; its output is appended to the two files."""
    with output.open("ab") as out, errors.open("ab") as err:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,  # Ctrl-C interrupts the tests, not the services
        )


class ClusterError(RuntimeError):
    """A service or command failed; the message ends with its output."""


class Cluster:
    """All services on free loopback ports: new folder, new keys, SQLite, the demo accounts.

    `settings` are environment variables for all services, `only` for one; `services` names those that are started out
    of `table`. Their output goes to files (`log`). A context manager; `start` raises ClusterError with the logs.
    """

    _start_process = staticmethod(start_process)

    def __init__(  # noqa: PLR0913 - keyword arguments, all with defaults
        self,
        settings: Mapping[str, str] | None = None,
        *,
        only: Mapping[str, Mapping[str, str]] | None = None,
        services: Sequence[str] | None = None,
        folder: Path | None = None,
        workers: int = 1,
        make_keys: bool = True,
        table: Mapping[str, Service] = SERVICES,
    ) -> None:
        self._table = table
        self._services = list(table if services is None else services)
        self._workers = workers
        self._with_keys = make_keys
        self._settings = dict(settings or {})
        self._only = {name: dict(own) for name, own in (only or {}).items()}
        self._processes: dict[str, Process] = {}
        self._reapers: list[subprocess.Popen[bytes]] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="touchstone-")
            folder = Path(self._temporary.name)
        self.folder = folder
        self.keys_dir = self.folder / "keys"
        self.ports = dict(zip(self._table, free_ports(len(self._table)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    @property
    def gateway(self) -> str:
        """The gateway's URL."""
        return self.urls["gateway"]

    @property
    def issuer(self) -> str:
        """The issuer's identifier."""
        return self._settings.get("ISSUER", self.gateway)

    @property
    def mail_folder(self) -> Path:
        """Where auth-service writes its mail."""
        return self.folder / "mail"

    def environment(self, service: str) -> dict[str, str]:
        """Return the whole environment of a service: of this process's own only what any process needs."""
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        settings = {
            "ISSUER": self.gateway,
            "KEYS_DIR": str(self.keys_dir),
            "DEMO": "1",
            "DEMO_PASSWORD": DEMO_PASSWORD,
            "MAIL_URL": f"file:{self.mail_folder}",
            "SNAPSHOTS_DIR": str(self.folder / "snapshots" / service),
        }
        for name, each in self._table.items():
            settings |= {each.port_setting: str(self.ports[name]), each.url_setting: self.urls[name]}
        if service != "gateway":
            settings["TRUSTED_PROXIES"] = LOOPBACK  # where the gateway is
        database = self._table[service].database
        if database is not None:
            settings["DATABASE_URL"] = f"sqlite:///{self.folder / database}"
        return kept | settings | self._settings | self._only.get(service, {})

    def start(self) -> Self:
        """Make the keys, start the services and wait until all are ready."""
        try:
            if self._with_keys:
                self._make_keys()
            for name in self._services:
                self._spawn(name)
            self._reap(*self._services)
            for name in self._services:
                self.wait_ready(name)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop every service and remove the folder."""
        for process in self._processes.values():
            process.terminate()
        for name in list(self._processes):
            self.stop_service(name)
        while self._reapers:
            with self._reapers.pop() as reaper:
                reaper.kill()
        if self._temporary is not None:
            self._temporary.cleanup()

    def start_service(self, name: str, *, wait: bool = True, **settings: str) -> None:
        """Start one service again, with its port and data; `settings` are kept for it.

        Return when it is ready, or at once without `wait`: for one that cannot become ready.
        """
        self._only.setdefault(name, {}).update(settings)
        self._spawn(name)
        self._reap(name)
        if wait:
            self.wait_ready(name)

    def stop_service(self, name: str) -> int:
        """End a service as an operator does: SIGTERM, and SIGKILL after 10 s. Return its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_SECONDS)
        return self._end(process)  # workers must not outlive the server

    def kill_service(self, name: str) -> None:
        """End a service as a crash does: SIGKILL to all its processes."""
        self._end(self._processes.pop(name))

    def running(self, name: str) -> bool:
        """Return whether the service's process runs."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def log(self, name: str) -> str:
        """Return the output of the service so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def cli(self, service: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `flask --app PACKAGE ARGS…` in the service's environment, for at most `START_TIMEOUT_SECONDS` seconds."""
        command = [sys.executable, "-m", "flask", "--app", self._table[service].package, *args]
        return self._run(command, service, check=check)

    def wait_ready(self, name: str, timeout: float = START_TIMEOUT_SECONDS) -> None:
        """Wait until the service is ready; raise ClusterError if it ends or takes too long."""
        deadline = time.monotonic() + timeout
        last = "no answer"
        while time.monotonic() < deadline:
            if name in self._processes and self._processes[name].poll() is not None:
                raise ClusterError(
                    f"{name} ended with {self._processes[name].returncode}:\n{self._tail(name)}"
                )
            try:
                answer = requests.get(f"{self.urls[name]}/readyz", timeout=2)
            except requests.RequestException:
                pass
            else:
                if answer.status_code == 200:
                    return
                last = f"{answer.status_code} {answer.text[:500]}"
            time.sleep(0.05)
        raise ClusterError(f"{name} is not ready after {timeout:g} s ({last}):\n{self._tail(name)}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _make_keys(self) -> None:
        self._run(
            [sys.executable, "-m", "auth_service.make_keys", "--keys-dir", str(self.keys_dir)],
            "auth-service",
            check=True,
        )

    def _run(self, command: list[str], service: str, *, check: bool) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            process = self._start_process(command, self.environment(service), self.folder, output, errors)
            try:
                code = process.wait(START_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._end(process)
                raise
            done = subprocess.CompletedProcess(command, code, output.read_text(), errors.read_text())
        if check and done.returncode != 0:
            raise ClusterError(
                f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def _spawn(self, name: str) -> None:
        if self.running(name):
            raise ClusterError(f"{name} is already running")
        log, command = self.folder / f"{name}.log", self._table[name].command(self.ports[name], self._workers)
        self._processes[name] = self._start_process(command, self.environment(name), self.folder, log, log)

    def _reap(self, *names: str) -> None:
        """Let a process beside this one end these services if this one is killed."""
        pids = (str(pid) for pid in (os.getpid(), *(self._processes[name].pid for name in names)))
        self._reapers.append(subprocess.Popen([sys.executable, str(_REAPER), *pids], start_new_session=True))

    def _end(self, process: Process) -> int:
        """Kill the remaining processes of a service and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait(STOP_TIMEOUT_SECONDS)

    def _tail(self, name: str) -> str:
        return self.log(name)[-4000:]
