"""A run shared among processes: the files that a worker gets, the progress that is printed, and the end."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from testkit.clock import FakeClock
from testkit.concurrency import wait_for

from tools.pytest_parallel import Progress, next_file

ROOT = Path(__file__).parents[2]
WAITING = {
    "tests/faults/a.py": 1.0,
    "tests/faults/b.py": 5.0,
    "tests/fuzz/c.py": 4.0,
    "gateway/tests/d.py": 50.0,
}
PLUGINS = ("xdist.plugin", "tools.pytest_required", "tools.pytest_parallel")
PYTEST = [sys.executable, "-m", "pytest", *(word for name in PLUGINS for word in ("-p", name))]


def test_worker_stays_in_its_folder():
    assert next_file(WAITING, "tests/fuzz", ["tests/fuzz"]) == "tests/fuzz/c.py"


def test_new_worker_takes_longest_file():
    assert next_file(WAITING, None, []) == "tests/faults/b.py"


def test_new_worker_avoids_busy_folders():
    assert next_file(WAITING, None, ["tests/faults"]) == "tests/fuzz/c.py"


def test_idle_worker_helps_in_busy_folder():
    assert next_file({"tests/faults/a.py": 1.0}, "tests/fuzz", ["tests/faults"]) == "tests/faults/a.py"


def test_progress_estimates_by_recorded_seconds():
    said, clock = [], FakeClock(0)
    progress = Progress(said.append, {"long.py": 30.0, "short.py": 10.0}, clock)
    progress.start(["long.py::a", "long.py::b", "short.py::c", "short.py::d"])

    clock.advance(9)
    progress.finish("long.py::a")
    assert said == []  # not yet
    clock.advance(21)
    progress.fail("long.py::b", "call")
    progress.finish("long.py::b")

    assert said == [
        "FAILED long.py::b (call)",
        " 75%  2 of 4 cases, 1 failed, 0:30 gone, about 0:10 left",
    ]


def test_progress_counts_unrecorded_files():
    said, clock = [], FakeClock(0)
    progress = Progress(said.append, {}, clock)
    progress.start(["new.py::a", "new.py::b"])

    clock.advance(100)
    progress.finish("new.py::a")

    assert said == [" 50%  1 of 2 cases, 1:40 gone, about 1:40 left"]


@pytest.fixture
def begin(tmp_path):
    """`begin({file: text})`: a run of these files by two workers, in a process group of its own."""
    started = []

    def start(files):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = [*PYTEST, "-c", tmp_path / "pytest.ini", "-n", "2", "--dist=loadfile", tmp_path]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "REQUIRE"))
        }
        environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others take seconds to load
        # What a shell runs in the background ignores Ctrl-C, and hands that on: this run shall not.
        inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            started.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            )
        finally:
            signal.signal(signal.SIGINT, inherited)
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_run_reports_failures_and_missing_programs(begin):
    skipping = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_s(n):\n    pytest.skip('needs tin: get tin')\n"
    files = {"test_a.py": "def test_a():\n    assert 0\n", "test_b.py": skipping, "test_c.py": skipping}

    told, _ = begin(files).communicate(timeout=120)

    assert "FAILED test_a.py::test_a (call)" in told
    assert [line for line in told.splitlines() if "tin" in line] == ["   18  needs tin: get tin"]
    assert "1 failed, 18 skipped" in told


def test_interrupted_run_leaves_no_process(begin, tmp_path):
    waiting = "import os, pathlib, threading\ndef test_w():\n    pathlib.Path(__file__).with_suffix('.pid').write_text(str(os.getpid()))\n    threading.Event().wait()\n"
    run = begin({"test_a.py": waiting, "test_b.py": waiting})
    wait_for(lambda: run.poll() is not None or len(list(tmp_path.glob("*.pid"))) == 2, 120)

    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=60)

    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(run.pid, 0), 60)
