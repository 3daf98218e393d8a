"""Where every program is there on purpose, a skipped test is a failed one (REQUIRE_PROGRAMS=1, as `.ci/run` sets)."""

import os
from collections.abc import Generator
from typing import Any

import pytest

# Not about a program: a cluster that was given by its address alone cannot be opened up.
ALLOWED = "the given cluster"
REQUIRED = os.environ.get("REQUIRE_PROGRAMS", "0") not in {"", "0"}


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that says why it was one."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if reason.removeprefix("Skipped: ").startswith(ALLOWED):
            return
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped here, but this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:  # noqa: ARG001 (pytest's form)
    """Look at the outcome of each test."""
    report: pytest.TestReport = yield
    if REQUIRED:
        refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,  # noqa: ARG001 (pytest's form)
) -> Generator[None, Any, pytest.CollectReport]:
    """Look at each file, which may skip itself whole."""
    report: pytest.CollectReport = yield
    if REQUIRED:
        refuse(report)
    return report
