"""Report each missing program once, with the number of tests that need it; with REQUIRE_PROGRAMS=1, fail those tests.

Also reject ids of cases that differ between processes, because a parallel run cannot start with them; and give
properties no deadline, because a case may take long on a busy machine.
"""

import os
import re
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# In the reason of a skip that no program could avoid: tests cannot look inside a cluster that runs elsewhere.
ALLOWED = "the given cluster"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
REQUIRED = os.environ.get("REQUIRE_PROGRAMS", "0") not in {"", "0"}


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the reason of a skip."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure with the reason."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = reason_of(report)
        if ALLOWED not in reason:
            report.outcome = "failed"
            report.longrepr = f"REQUIRE_PROGRAMS is set, but this was skipped: {reason}"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Reject an object's address in an id.

    Raises:
        UsageError: the id has one.

    """
    if ADDRESS.search(item.nodeid):
        raise pytest.UsageError(f"{item.nodeid}: give this parameter an id that is the same in every process")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:  # noqa: ARG001 - pytest's form
    """Reject a skipped test."""
    report: pytest.TestReport = yield
    if REQUIRED:
        refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,  # noqa: ARG001 - pytest's form
) -> Generator[None, Any, pytest.CollectReport]:
    """Reject a skipped file."""
    report: pytest.CollectReport = yield
    if REQUIRED:
        refuse(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each missing program, with the number of tests."""
    reasons = [reason_of(report) for report in terminalreporter.stats.get("skipped", [])]
    lines = {reason.partition(":")[0]: reason for reason in reasons}
    counts = Counter(reason.partition(":")[0] for reason in reasons)
    if lines:
        terminalreporter.section("skipped")
    for program, count in counts.most_common():
        terminalreporter.write_line(f"{count:5d}  {lines[program]}")
