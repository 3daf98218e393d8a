"""Which commit subjects `tools/commit_subject.py` accepts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "commit_subject.py"


def check(*arguments, cwd):
    command = [sys.executable, TOOL, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def check_message(folder, message):
    (folder / "message").write_text(message)
    return check("message", cwd=folder)


@pytest.mark.parametrize(
    "subject",
    ["fix(gateway): drop trailer fields", "feat!: end AUTH_MODE", "docs: " + 66 * "x"],
)
def test_conventional_subject_is_accepted(tmp_path, subject):
    assert check_message(tmp_path, f"{subject}\n\nThe body.\n") == (0, "")


@pytest.mark.parametrize(
    ("subject", "fault"),
    [
        ("docs: " + 67 * "x", "has 73 characters"),
        ("Drop trailer fields", "is not `type(scope): subject`"),
        ("fix(gateway): drop trailer fields.", "without a full stop"),
        ("", "is not `type(scope): subject`"),
    ],
    ids=["long", "no-type", "full-stop", "empty"],
)
def test_odd_subject_is_rejected(tmp_path, subject, fault):
    code, output = check_message(tmp_path, f"{subject}\n")
    assert code == 1
    assert fault in output


@pytest.mark.skipif(not shutil.which("git"), reason="needs git (Debian, Ubuntu: apt install git)")
@pytest.mark.parametrize(("base", "code"), [("HEAD~1", 0), ("HEAD~2", 1), ("0" * 40, 0)])
def test_subjects_since_base_are_checked(tmp_path, base, code):
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for subject in ("docs: one", "Two", "docs: three"):
        commit = ["git", *who, "commit", "-q", "--no-verify", "--allow-empty", "-m", subject]
        subprocess.run(commit, cwd=tmp_path, check=True)
    assert check("--since", base, cwd=tmp_path)[0] == code
