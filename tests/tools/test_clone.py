"""A clone as Git for Windows makes it (`core.autocrlf=true`) holds the same bytes."""

import shutil

import pytest

from .git_clone import clone_tree, git


@pytest.mark.skipif(not shutil.which("git"), reason="needs git (Debian, Ubuntu: apt install git)")
def test_clone_with_autocrlf_has_no_crlf(tmp_path):
    clone = clone_tree(tmp_path, "--config=core.autocrlf=true")
    lines = git("ls-files", "--eol", cwd=clone).splitlines()
    assert len(lines) > 500
    assert [line for line in lines if "w/crlf" in line or "w/mixed" in line] == []
