import os
import subprocess
import sys

import pytest
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedProcess

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: elsewhere processes are not forked"
)

SHOWS = """
import atexit, os, sys, time
atexit.register(print, "at exit")
print(sys.argv[1:], sorted(os.environ), os.getcwd(), "auth_service.app" in sys.modules, flush=True)
print("an error", file=sys.stderr)
if "waiting" in sys.argv:
    time.sleep(600)
sys.exit(7)
"""


@pytest.fixture
def fork(tmp_path):
    """`fork(*arguments)`: a forked process that prints its arguments, environment and folder."""
    (tmp_path / "shows.py").write_text(SHOWS)
    (tmp_path / "output").touch()

    def start(*arguments):
        command = [sys.executable, "-m", "shows", *arguments]
        return ForkedProcess(command, {"A": "1"}, tmp_path, tmp_path / "output", tmp_path / "errors")

    return start


def test_fork_has_own_arguments_settings_and_folder(fork, tmp_path):
    assert fork("one", "two words").wait(60) == 7

    printed, last = (tmp_path / "output").read_text().splitlines()
    assert printed == f"['one', 'two words'] ['A'] {tmp_path} True"
    assert last == "at exit"
    assert (tmp_path / "errors").read_text() == "an error\n"


def test_fork_is_terminated_with_its_group(fork, tmp_path):
    process = fork("waiting")
    assert os.getpgid(process.pid) == process.pid
    wait_for(lambda: "waiting" in (tmp_path / "output").read_text())
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)

    process.terminate()

    assert process.wait(60) == process.returncode == -15


def test_fork_refuses_other_commands(tmp_path):
    with pytest.raises(ValueError, match="not a module"):
        ForkedProcess(["true"], {}, tmp_path, tmp_path / "output", tmp_path / "errors")
