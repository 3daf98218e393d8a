"""Processes that run during a measurement."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

START_SECONDS = 60
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
APPS = Path(__file__).parent / "apps"


def granian(app: str, port: int) -> list[str]:
    """Return the command line that serves a WSGI app with eight threads."""
    words = f"-m granian --interface wsgi --no-ws --log-level error --host 127.0.0.1 --port {port}"
    return [sys.executable, *words.split(), "--blocking-threads", "8", app]


@contextlib.contextmanager
def running(
    command: list[str], ready: str | tuple[str, int], cwd: Path = APPS, **environment: str
) -> Iterator[int]:
    """Run a process until the block ends; yield its id once its URL responds or its address accepts connections.

    It gets `environment` and a few other variables, so that settings of this shell do not change the figures.
    """
    environ = {name: os.environ[name] for name in KEPT if name in os.environ} | environment
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=cwd, env=environ, **quiet)  # type: ignore[call-overload]
    try:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if isinstance(ready, str):
                    requests.get(ready, timeout=1).raise_for_status()
                else:
                    socket.create_connection(ready, timeout=1).close()
                break
            if process.poll() is not None:
                raise SystemExit(f"ended early: {' '.join(command)}")
            time.sleep(0.05)
        else:
            raise SystemExit(f"never answered: {' '.join(command)}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
