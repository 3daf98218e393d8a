"""Programs of other projects: packages of npm, and servers as processes of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from testkit.concurrency import wait_for


def install_packages(source: Path, folder: Path) -> Path:
    """Copy `source` to `folder`, install the packages of its lock file there, and return `folder`; skip without npm."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs npm: apt-get install nodejs npm")
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


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
