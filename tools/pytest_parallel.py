"""Share a run of all tests among processes and report its progress (`pytest -n auto --dist=loadfile`).

A worker gets whole files, and stays in a folder until no file is left there, so that the clusters, browsers and packages
of a folder are made once. Folders under `tests/` come first, and in each folder the longest files, so that short ones
fill the end.

`tests/seconds.json` holds the seconds that each file took; a run with RECORD_SECONDS=1 writes it.
"""

from __future__ import annotations

import gc
import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

RECORD = Path(__file__).resolve().parent.parent / "tests" / "seconds.json"
UNRECORDED_CASE_SECONDS = 0.05
REPORT_EVERY_SECONDS = 10.0
YOUNG_OBJECTS = 10_000


def file_of(nodeid: str) -> str:
    """Return the file of a case."""
    return nodeid.partition("::")[0]


def folder_of(file: str) -> str:
    """Return the folder whose tests share clusters: `tests/faults`, `libs/touchstone`, `gateway/tests`."""
    return "/".join(file.split("/")[:2])


def case_seconds(nodeids: Iterable[str], recorded: Mapping[str, float]) -> dict[str, float]:
    """Return the expected seconds of one case of each file; never 0."""
    cases = Counter(map(file_of, nodeids))
    return {
        file: max(recorded[file] / count, 0.001) if file in recorded else UNRECORDED_CASE_SECONDS
        for file, count in cases.items()
    }


def next_file(waiting: Mapping[str, float], own: str | None, others: Iterable[str]) -> str:
    """Return the file that a worker takes next.

    `waiting` holds the seconds of each file that no worker has, `own` is the folder that this worker is in, `others` are
    the folders of the other workers.
    """
    left: dict[str, float] = defaultdict(float)
    for file, seconds in waiting.items():
        left[folder_of(file)] += seconds
    if own not in left:
        taken = set(others)
        own = max(left, key=lambda folder: (folder not in taken, folder.startswith("tests/"), left[folder]))
    return max((file for file in waiting if folder_of(file) == own), key=lambda file: waiting[file])


class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist is not typed
    """Assigns whole files to workers, in the order of `next_file`."""

    def __init__(self, config: pytest.Config, log: Producer, recorded: Mapping[str, float]) -> None:
        super().__init__(config, log)
        self._recorded = recorded
        self._folders: dict[WorkerController, str] = {}

    def _assign_work_unit(self, node: WorkerController) -> None:
        each = case_seconds((nodeid for unit in self.workqueue.values() for nodeid in unit), self._recorded)
        waiting = {file: each[file] * len(unit) for file, unit in self.workqueue.items()}
        others = [folder for other, folder in self._folders.items() if other is not node]
        file = next_file(waiting, self._folders.get(node), others)
        self._folders[node] = folder_of(file)
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


def minutes(seconds: float) -> str:
    """Return a duration as `m:ss`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


class Progress:
    """Counts cases; reports every `REPORT_EVERY_SECONDS` how many are done and how long the rest will take."""

    def __init__(
        self,
        say: Callable[[str], None],
        recorded: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._recorded = recorded
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._cases = self._done = self._failed = 0
        self._whole = self._part = 0.0
        self._began = self._reported = 0.0

    def start(self, nodeids: Sequence[str]) -> None:
        """Start to count the cases of the run."""
        self._seconds = case_seconds(nodeids, self._recorded)
        self._cases = len(nodeids)
        self._whole = sum(self._seconds[file_of(nodeid)] for nodeid in nodeids)
        self._began = self._reported = self._clock()

    def finish(self, nodeid: str) -> None:
        """Count a finished case."""
        self._done += 1
        self._part += self._seconds.get(file_of(nodeid), 0.0)
        now = self._clock()
        if self._part and now - self._reported >= REPORT_EVERY_SECONDS:
            self._reported = now
            self._say(self._line(now - self._began))

    def fail(self, nodeid: str, phase: str) -> None:
        """Count a failure and report it at once."""
        self._failed += 1
        self._say(f"FAILED {nodeid} ({phase})")

    def _line(self, elapsed: float) -> str:
        failed = f"{self._failed} failed, " if self._failed else ""
        left = elapsed * max(self._whole / self._part - 1, 0.0)
        share = f"{self._part / self._whole:4.0%}"
        return f"{share}  {self._done} of {self._cases} cases, {failed}{minutes(elapsed)} gone, about {minutes(left)} left"


class Run:
    """The hooks of the process that schedules the workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._recorded: dict[str, float] = json.loads(RECORD.read_text("utf-8"))
        self._spent: dict[str, float] = defaultdict(float)
        reporter = config.pluginmanager.getplugin("terminalreporter")
        self._progress = Progress(reporter.write_line, self._recorded)
        self._collected = False
        # Sets in the parameters of a test must have the same order in all workers.
        os.environ.setdefault("PYTHONHASHSEED", str(random.randrange(2**32)))  # noqa: S311 - no secret

    def pytest_report_header(self) -> str:
        """Return the hash seed, which repeats a run in the same order."""
        return f"PYTHONHASHSEED={os.environ['PYTHONHASHSEED']}"

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> FolderScheduling:
        """Replace the scheduler of `loadfile`."""
        return FolderScheduling(config, log, self._recorded)

    def pytest_xdist_node_collection_finished(self, node: WorkerController, ids: Sequence[str]) -> None:  # noqa: ARG002 - pytest's form
        """Start with the cases that the first worker has found; all workers find the same."""
        if not self._collected:
            self._collected = True
            self._progress.start(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a worker's finished phase of a case."""
        self._spent[file_of(report.nodeid)] += report.duration
        if report.failed:
            self._progress.fail(report.nodeid, report.when)
        if report.when == "teardown":
            self._progress.finish(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Any:
        """Keep the categories without the dots; `Progress` prints lines instead."""
        category, _, _ = yield
        return category, "", ""

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the seconds of each file if RECORD_SECONDS is set and all tests passed."""
        if exitstatus == 0 and os.environ.get("RECORD_SECONDS"):
            rounded = {file: round(seconds, 1) for file, seconds in sorted(self._spent.items())}
            RECORD.write_text(json.dumps(rounded, indent=0) + "\n", "utf-8")


@pytest.hookimpl(tryfirst=True)  # before the one of xdist
def pytest_xdist_auto_num_workers() -> int:
    """Return PYTEST_XDIST_AUTO_NUM_WORKERS, by default one more than there are cores, because some tests wait."""
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or (os.cpu_count() or 1) + 1)


@pytest.hookimpl(trylast=True)  # after the terminal reporter
def pytest_configure(config: pytest.Config) -> None:
    """Register the scheduler in the main process; collect garbage less often in all processes."""
    gc.set_threshold(YOUNG_OBJECTS)
    if config.getoption("dist") == "loadfile" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Run(config))


def pytest_collection_finish() -> None:
    """Exclude imported code and cases from garbage collections; they stay to the end."""
    gc.collect()
    gc.freeze()
