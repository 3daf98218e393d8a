"""A Valkey server, or Redis with the same protocol, as a process of its own."""

import shutil
import socket
import subprocess
import tempfile
from typing import Self

import pytest

from testkit.cluster import free_ports
from testkit.concurrency import wait_for


class ValkeyServer:
    """Runs on a loopback port, which stays the same over `stop` and `start`, without persistence.

    A context manager. Skips the test if neither program is installed.
    """

    def __init__(self) -> None:
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        if program is None:
            pytest.skip("needs Valkey or Redis: apt-get install redis-server")
        self._program = program
        (self.port,) = free_ports(1)
        self.url = f"valkey://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            tempfile.gettempdir(),
        ]
        self._process = subprocess.Popen(
            [self._program, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_for(self._accepts, what="Valkey")

    def stop(self) -> None:
        """Kill the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
