"""A cluster whose processes are forked from one that has imported the services' packages, which takes seconds."""

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from testkit import cluster

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["granian.cli", "alembic.command", *(f"{each.package}.app" for each in cluster.SERVICES.values())]
)


class ForkedProcess:
    """`python -m MODULE ARGUMENT…` with the interface of `subprocess.Popen` that `testkit.cluster.Process` names.

    It has its own settings, folder and output; only the imported modules are inherited.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
    ) -> None:
        interpreter, words = list(command[:2]), list(command[2:])
        if interpreter != [sys.executable, "-m"]:
            raise ValueError(f"not a module for this interpreter: {command}")
        started, starts = _forks.Pipe(duplex=False)
        with started, starts:
            files = (Path(os.devnull), output, errors)
            self._process = _forks.Process(
                target=_run_module, args=(words, dict(environment), folder, files, starts)
            )
            self._process.start()
            starts.close()
            with contextlib.suppress(EOFError):
                started.recv_bytes()
        _running.add(self)

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended; raise subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        _running.discard(self)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()


_running: set[ForkedProcess] = set()


@atexit.register
def _end_all() -> None:
    """Leave no process for multiprocessing to wait for when a run ends early."""
    for process in _running:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _run_module(
    words: Sequence[str], environment: dict[str, str], folder: Path, files: Sequence[Path], starts: Connection
) -> None:
    """Run the module in this process; send a message to `starts` when its process group exists."""
    os.setsid()
    starts.send_bytes(b"started")
    starts.close()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(files):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv[1:] = words[1:]
    sys.path.insert(0, str(folder))
    multiprocessing.set_start_method("fork", force=True)  # a server's workers inherit the imports, too
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - multiprocessing leaves them out


def start_process(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
) -> cluster.Process:
    """Start a ForkedProcess on Linux; elsewhere, where system libraries do not survive a fork, an ordinary one."""
    start = ForkedProcess if sys.platform == "linux" else cluster.start_process
    return start(command, environment, folder, output, errors)


class ForkedCluster(cluster.Cluster):
    """A `Cluster` for tests of what running services do; not for tests of how services start."""

    _start_process = staticmethod(start_process)
