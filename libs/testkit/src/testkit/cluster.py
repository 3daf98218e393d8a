"""The four real services as processes of this machine, or a cluster that runs elsewhere already."""

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
from service_kit.server.service_table import SERVICES, Service

__all__ = ["DEMO_PASSWORD", "SERVICES", "Cluster", "ClusterError", "Service", "free_ports"]

DEMO_PASSWORD = "correct-horse-battery-staple"
SERVER_PORTS = range(10_000, 32_000)
START_BOUND = 180.0  # seconds; on a busy machine imports take their time
STOP_BOUND = 10.0
# Ends the services when this process is killed and cannot; in no wheel, as this package is not.
_GUARD = Path(__file__).resolve().parents[4] / "tools" / "orphan_reaper.py"
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that were free a moment ago, all different.

    They are none of those that the system gives to connections and to servers on port 0, so that nothing takes them
    before the server that they are meant for is up.
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
    """What a cluster needs of a process that it started: a part of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""

    @property
    def returncode(self) -> int | None:
        """The exit code, None until `poll` or `wait` has returned one."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once there is one; raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Send SIGTERM."""


def begin(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
) -> Process:
    """Start a command in a session of its own, in that folder; what it writes is added to these files."""
    with output.open("ab") as out, errors.open("ab") as err:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,  # a Ctrl-C at the tests is not one at the services
        )


class ClusterError(RuntimeError):
    """The cluster did not do what was asked; the message ends with what the service wrote."""


class Cluster:
    """The house on free ports of the loopback address: fresh folder, fresh keys, SQLite, the demo's accounts.

    `settings` are environment variables for all services, `only` for one; `services` says which are started, `table` what
    there is to start.
    What the services write goes to files (`log`). A context manager; `start` raises ClusterError with the logs.
    """

    _begin = staticmethod(begin)

    def __init__(  # noqa: PLR0913 - what a test may want to differ, by name
        self,
        settings: Mapping[str, str] | None = None,
        *,
        only: Mapping[str, Mapping[str, str]] | None = None,
        services: Sequence[str] | None = None,
        folder: Path | None = None,
        workers: int = 1,
        gateway_url: str | None = None,
        make_keys: bool = True,
        table: Mapping[str, Service] = SERVICES,
    ) -> None:
        self.managed = gateway_url is None
        self._table = table
        self._services = list(table if services is None else services)
        self._workers = workers
        self._with_keys = make_keys
        self._settings = dict(settings or {})
        self._only = {name: dict(own) for name, own in (only or {}).items()}
        self._processes: dict[str, Process] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.ports: dict[str, int] = {}
        if gateway_url is not None:
            self.urls = {"gateway": gateway_url}
            return
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="touchstone-")
            folder = Path(self._temporary.name)
        self.folder = folder
        self.keys_dir = self.folder / "keys"
        self.ports = dict(zip(self._table, free_ports(len(self._table)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    @classmethod
    def from_environment(cls) -> "Cluster | None":
        """Return the cluster behind TOUCHSTONE_GATEWAY_URL, or None; its processes are not ours to stop."""
        url = os.environ.get("TOUCHSTONE_GATEWAY_URL", "").rstrip("/")
        if not url:
            return None
        return cls({"ISSUER": os.environ.get("ISSUER") or "http://localhost:8080"}, gateway_url=url)

    @property
    def gateway(self) -> str:
        """The URL of the public door."""
        return self.urls["gateway"]

    @property
    def issuer(self) -> str:
        """The issuer's public name."""
        return self._settings.get("ISSUER", self.gateway)

    @property
    def mail_folder(self) -> Path:
        """Where the mint's mail goes."""
        return self.folder / "mail"

    def environment(self, service: str) -> dict[str, str]:
        """Return the whole environment of a service: nothing of ours but what a process needs."""
        self._must_be_ours()
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        settings = {
            "ISSUER": self.gateway,
            "ISSUER_BACKCHANNEL": self.urls["auth-service"],
            "AUTH_URL": self.urls["auth-service"],
            "USERS_URL": self.urls["users-service"],
            "ORDERS_URL": self.urls["orders-service"],
            "KEYS_DIR": str(self.keys_dir),
            "DEMO": "1",
            "DEMO_PASSWORD": DEMO_PASSWORD,
            "MAIL_URL": f"file:{self.mail_folder}",
            **{self._table[name].port_setting: str(port) for name, port in self.ports.items()},
        }
        if self._table[service].verifies:
            settings["SNAPSHOTS_DIR"] = str(self.folder / "snapshots" / service)
        database = self._table[service].database
        if database is not None:
            settings["DATABASE_URL"] = f"sqlite:///{self.folder / database}"
        return kept | settings | self._settings | self._only.get(service, {})

    def start(self) -> Self:
        """Make the keys, start the services and wait until all are ready."""
        if not self.managed:
            return self
        try:
            if self._with_keys:
                self._make_keys()
            for name in self._services:
                self._spawn(name)
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
        if self._guard is not None:
            self._guard.communicate(b"done\n")
            self._guard = None
        if self._temporary is not None:
            self._temporary.cleanup()

    def start_service(self, name: str, *, wait: bool = True, **settings: str) -> None:
        """Start one service again, on its old port and data; `settings` are kept for it.

        Returns when it is ready, or at once without `wait`: for one that cannot be.
        """
        self._only.setdefault(name, {}).update(settings)
        self._spawn(name)
        if wait:
            self.wait_ready(name)

    def stop_service(self, name: str) -> int:
        """End a service as an operator does: SIGTERM, and SIGKILL after 10 s. Return its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_BOUND)
        return self._end(process)  # workers must not outlive the server

    def kill_service(self, name: str) -> None:
        """End a service as a crash does: SIGKILL to all its processes at once."""
        self._end(self._processes.pop(name))

    def running(self, name: str) -> bool:
        """Tell whether the service's process lives."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def log(self, name: str) -> str:
        """Return all that the service has written so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def cli(self, service: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `flask --app PACKAGE ARGS…` in the service's environment, for at most `START_BOUND` seconds."""
        command = [sys.executable, "-m", "flask", "--app", self._table[service].package, *args]
        return self._run(command, service, check=check)

    def wait_ready(self, name: str, bound: float = START_BOUND) -> None:
        """Wait until the service says that it is ready; ClusterError when it ends before, or takes too long."""
        deadline = time.monotonic() + bound
        said = "no answer"
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
                said = f"{answer.status_code} {answer.text[:500]}"
            time.sleep(0.05)
        raise ClusterError(f"{name} is not ready after {bound:g} s ({said}):\n{self._tail(name)}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _must_be_ours(self) -> None:
        if not self.managed:
            raise ClusterError("this cluster was not started here")

    def _make_keys(self) -> None:
        self._run(
            [sys.executable, "-m", "auth_service.signing", "--keys-dir", str(self.keys_dir)],
            "auth-service",
            check=True,
        )

    def _run(self, command: list[str], service: str, *, check: bool) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            process = self._begin(command, self.environment(service), self.folder, output, errors)
            try:
                code = process.wait(START_BOUND)
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
        self._must_be_ours()
        if self.running(name):
            raise ClusterError(f"{name} runs already")
        log, command = self.folder / f"{name}.log", self._table[name].command(self.ports[name], self._workers)
        self._processes[name] = self._begin(command, self.environment(name), self.folder, log, log)
        self._tell_guard("group", self._processes[name])

    def _tell_guard(self, what: str, process: Process) -> None:
        if self._guard is None:
            command = [sys.executable, str(_GUARD)]
            self._guard = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, start_new_session=True)
        if self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # the guard may have been killed too
                self._guard.stdin.write(f"{what} {process.pid}\n".encode())

    def _end(self, process: Process) -> int:
        """Kill what is left of a service and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._tell_guard("ended", process)
        return process.wait(STOP_BOUND)

    def _tail(self, name: str) -> str:
        return self.log(name)[-4000:]
