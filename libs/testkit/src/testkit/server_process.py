"""A server as a process of its own: of another project, or of a page of the documentation."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from testkit.concurrency import wait_for


@contextmanager
def server_process(
    command: Sequence[str | Path],
    url: str,
    status: int,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in `folder` during the block, which begins when it answers a GET of `url` with `status`.

    Of the tests' environment it gets PATH, HOME and TMPDIR. AssertionError, with its output, if it ends before.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C interrupts the tests, not the server
        )

        def answers() -> bool:
            if process.poll() is not None:
                output.seek(0)
                raise AssertionError(output.read().decode(errors="replace"))
            try:
                return requests.get(url, timeout=10).status_code == status
            except requests.RequestException:
                return False

        try:
            wait_for(answers, what=f"an answer {status} of {command[0]}")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
