"""What the tests of a folder share ends with the folder: idle clusters cost the others time, a browser's loop breaks them."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SHARING = sorted(file for file in TESTS.rglob("conftest.py") if "compose" not in file.parts)


def test_no_conftest_shares_beyond_its_folder():
    found = [file for file in SHARING if re.search(r"scope=.session", file.read_text())]

    assert len(SHARING) > 5
    assert found == []


def test_folder_that_shares_is_a_package_to_pytest():
    # Elsewhere pytest takes the scope "package" for the whole session.
    assert [file for file in SHARING if not file.with_name("__init__.py").exists()] == []
