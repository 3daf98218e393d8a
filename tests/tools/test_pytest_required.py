"""Skips that are failures where every program is required."""

import pytest

from tools.pytest_required import refuse


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("Chromium is missing: apt-get install chromium", "failed"),
        ("the keys of the given cluster cannot be read", "skipped"),
        ("only the gateway of the given cluster can be reached", "skipped"),
    ],
)
def test_skip_without_a_program_fails(reason, outcome):
    place = ("test_x.py", 1, f"Skipped: {reason}")
    report = pytest.TestReport("test_x.py::x", ("test_x.py", 1, "x"), {}, "skipped", place, "call")
    refuse(report)

    assert report.outcome == outcome
    assert reason in str(report.longrepr)
