"""Check the subjects of commits: `type(scope): subject`, at most 72 characters.

Usage: commit_subject.py FILE           the message of one commit, as git gives it to a commit-msg hook
       commit_subject.py --since BASE   all commits after BASE; only the last one if BASE is unknown
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LONGEST = 72
TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
FORM = re.compile(rf"({'|'.join(TYPES)})(\([a-z0-9,-]+\))?!?: \S.*[^.\s]")


def faults(subject: str) -> list[str]:
    """Return what is wrong with a subject."""
    found = []
    if len(subject) > LONGEST:
        found.append(
            f"has {len(subject)} characters; shorten it to {LONGEST}, and put the rest into the body"
        )
    if not FORM.fullmatch(subject):
        found.append(f"is not `type(scope): subject` without a full stop; types: {', '.join(TYPES)}")
    return found


def subjects_since(base: str) -> list[str]:
    """Return the subjects after a commit, without those of merges."""
    command = ["git", "log", "--no-merges", "--format=%s"]
    log = subprocess.run([*command, f"{base}..HEAD"], capture_output=True, text=True, check=False)  # noqa: S603 - git alone
    if log.returncode:  # a new branch has no base
        log = subprocess.run([*command, "-1"], capture_output=True, text=True, check=True)  # noqa: S603 - git alone
    return log.stdout.splitlines()


def main(arguments: list[str]) -> int:
    """Print what is wrong; return 1 if anything is."""
    if arguments[0] == "--since":
        subjects = subjects_since(arguments[1])
    else:
        subjects = Path(arguments[0]).read_text(encoding="utf-8").splitlines()[:1]
    lines = [f"error: `{subject}` {fault}" for subject in subjects for fault in faults(subject)]
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
