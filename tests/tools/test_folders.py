"""What the tests of a folder share ends with the folder: idle clusters cost time, and a browser's event loop breaks others."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SHARING = sorted(file for file in TESTS.rglob("conftest.py") if "compose" not in file.parts)


def test_conftest_shares_in_its_folder_alone():
    found = [file for file in SHARING if re.search(r"scope=.session", file.read_text())]

    assert len(SHARING) > 5
    assert found == []


def test_sharing_folder_is_a_package():
    # Elsewhere pytest takes the scope "package" for the whole session.
    assert [file for file in SHARING if not file.with_name("__init__.py").exists()] == []
