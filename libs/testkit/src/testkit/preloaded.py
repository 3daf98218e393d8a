"""A cluster whose processes are forked from one that has imported the services' packages: each import takes seconds."""

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

__all__ = ["Cluster", "Fork", "begin"]

PACKAGES = ("auth_service", "users_service", "orders_service", "gateway")
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["granian.cli", "alembic.command", *(f"{name}.app" for name in PACKAGES)])


class Fork:
    """`python -m MODULE ARGUMENT…`, waited for and ended like a `subprocess.Popen`.

    Settings, folder and output are the process's own; only what it would import is there already.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
    ) -> None:
        interpreter, words = list(command[:2]), list(command[2:])
        if interpreter != [sys.executable, "-m"]:
            raise ValueError(f"not a module for this interpreter: {command}")
        begun, begins = _forks.Pipe(duplex=False)
        with begun, begins:
            files = (Path(os.devnull), output, errors)
            self._process = _forks.Process(
                target=_become, args=(words, dict(environment), folder, files, begins)
            )
            self._process.start()
            begins.close()
            with contextlib.suppress(EOFError):
                begun.recv_bytes()
        _living.add(self)

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
        """Return the exit code once there is one; raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        _living.discard(self)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()


_living: set[Fork] = set()


@atexit.register
def _end_all() -> None:
    """Leave nothing for multiprocessing to wait for when a run ends early."""
    for fork in _living:
        if fork.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(fork.pid, signal.SIGKILL)


def _become(
    words: Sequence[str], environment: dict[str, str], folder: Path, files: Sequence[Path], begins: Connection
) -> None:
    """Be that module in this process; `begins` hears of it once there is a group to be signalled."""
    os.setsid()
    begins.send_bytes(b"begun")
    begins.close()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(files):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv[1:] = words[1:]
    sys.path.insert(0, str(folder))
    multiprocessing.set_start_method("fork", force=True)  # a server's workers shall have the imports, too
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 (multiprocessing leaves them out)


def begin(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: Path, errors: Path
) -> cluster.Process:
    """Do as `testkit.cluster.begin` does, with a Fork where libraries of the system survive one."""
    how = Fork if sys.platform == "linux" else cluster.begin
    return how(command, environment, folder, output, errors)


class Cluster(cluster.Cluster):
    """`testkit.cluster.Cluster`, for tests of what running services do; not for those of how they are started."""

    _begin = staticmethod(begin)
