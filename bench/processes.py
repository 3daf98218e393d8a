"""Programs that run while something is measured."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import requests

START_SECONDS = 60
APPS = Path(__file__).parent / "apps"


@contextlib.contextmanager
def running(command: list[str], ready: str | tuple[str, int], **environment: str) -> Iterator[None]:
    """Run a process until the block ends; enter the block when it answers."""
    process = subprocess.Popen(
        command, cwd=APPS, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
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
        yield
    finally:
        process.terminate()
        process.wait(10)
