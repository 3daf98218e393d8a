"""Check what may not be in the tree: keys, databases, paths of a machine, impatient browser tests, words.

Usage: check_tree.py [--words [PATH…]]   --words looks for words alone, in these files and folders (default: all).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = re.compile(r"\.lock$|requirements[^/]*\.txt$|package-lock\.json$|\.npmrc$|pip\.conf$")
NEVER_TRACKED = re.compile(r"\.(sqlite3?|db|pem|key|pyc)$|(^|/)\.env$|(^|/)__pycache__/")
PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{16}")
URL = re.compile(rb"https?://")
IMPATIENT = re.compile(
    rb"assert .*(\.(is_[a-z]+|inner_\w+|text_content|input_value|get_attribute|count|title|all_\w+)\(|\bpage\.url\b)"
)

# Pattern -> what to write instead. Names are read as words: `_` is a blank and `WaitingRoom` is "Waiting Room". A blank
# matches any white space, also a line's end and the next comment sign. Case counts where a pattern has a capital.
WORDS = {
    r"mint(s|ed|ing)?": "auth-service; to issue",
    r"doors?": "gateway, proxy, entry point",
    r"houses?": "cluster, project",
    r"(?<!make\s)(?<!makes\s)rooms?(?! (for|in|to|left)\b)": "service, package; space",
    r"visits?(?! (them|it|every)\b)|visited|visiting": "request",
    r"(a|another|by|each|every|first|its|next|no|of|one|own|per|takes?|the|their|this|whose) turns?": "exchange, queue",
    r"Turns?(?=[(\[.:,)])|turns?(?=\.\w)": "exchange, queue",
    r"Wires?(?=[(\[.:,)])|wires?(?=[(=)]|\.\w)": "connection",
    r"bells?": "notification",
    r"news": "change, new event",
    r"couriers?": "event pusher",
    r"Letters?(?=[(\[.:,)|\s])(?! and)|letters?(?=\.\w)|outbox\.letters|(deliver|post|send)\w* (an? |the )?letters?": "email",
    r"brakes?": "login gate, throttle",
    r"desks?": "use cases, endpoint",
    r"(?<!in\s)front(?!\s?-?(end|channel|of|matter|page)\b)": "pages, use cases",
    r"vaults?": "key storage",
    r"horizons?": "read position",
    r"crowd(s|ed)?": "bulk, number of threads",
    r"storm(s|y)?": "burst, load",
    r"(?<![=/])nobody(?![@:-])": "the subject: no client, no process, no one else",
    r"whoever": "the subject: the caller, the client, anyone who",
    r"somebody(?!@)": "the subject: a user, a caller, another process",
    r"strangers?": "unknown client, other issuer",
    r"likewise": "also, the same",
    r"anew": "again",
    r"so many": "at most N, this number of",
    r"what is (no|none)|what is [^.,;:?()\n]{1,40}? (is|are|does|do|has|stays|goes|ends|counts|must|may|cannot)": "a noun as the subject",
    r"(is|are|be|been|was|were|being) told": "receives, learns, is set",
    r"stands?(?! (for|in for|ins?|still|alone)\b)(?!-in)|standing": "is valid, is active; is (in)",
    r"in peace": "undisturbed, unchanged",
    r"at first sight": "at once",
    r"(see|sees|seen|saw) off": "delivers, rejects",
    r"of ours": "our, this issuer's",
    r"hand(s|ed|ing)? (out|over)": "issue, return, pass",
    r'"""Gives?': "Return or Yield, as PEP 257 has it",
    r"noqa: [A-Z0-9,\s]*[A-Z0-9](?= \()": "`# noqa: X - reason`",
}
# History, data, and this list itself.
WORDS_ALLOWED = re.compile(
    r"\.(lock|svg)$|(^|/)package(-lock)?\.json$|^CHANGELOG\.md$|^LICENSE$|(^|[/_])check_tree\.py$"
)


def pattern(words: str) -> re.Pattern[str]:
    """Return the pattern of these words, which does not match inside of longer words."""
    spaced = words.replace(" ", r"\s+(?:[#/*]+\s+)?")
    return re.compile(
        rf"(?<![a-zA-Z])(?:{spaced})(?![a-z])", 0 if re.search("[A-Z]", words) else re.IGNORECASE
    )


# A service may have any name.
SERVICES = " ".join(
    folder.name.removesuffix("-service").replace("-", " ") for folder in ROOT.glob("*-service")
)
PATTERNS = {
    each: instead for words, instead in WORDS.items() if not (each := pattern(words)).search(SERVICES)
}


def words(name: str, content: bytes) -> Iterator[str]:
    """Yield each unwanted word of a file with its line, and what to write instead."""
    if WORDS_ALLOWED.search(name) or b"\0" in content:
        return
    text = re.sub(r"_|(?<=[a-z0-9])(?=[A-Z])", " ", content.decode("utf-8", "replace"))
    found = ((match, instead) for each, instead in PATTERNS.items() for match in each.finditer(text))
    for match, instead in sorted(found, key=lambda each: each[0].start()):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{line}: `{' '.join(match[0].split())}`; write instead: {instead}"


def faults(name: str, content: bytes) -> Iterator[str]:
    """Yield each fault of one file, and what to do."""
    if NEVER_TRACKED.search(name):
        yield " is generated: remove it from git, and add it to .gitignore"
    if PRIVATE_KEY.search(content):
        yield " has a private key: remove it, and replace the key"
    if LOCKS.search(name) and URL.search(content):
        yield " has an address: lock without URLs, so that each machine uses its own registry"
    if name.startswith("tests/browser/") and IMPATIENT.search(content):
        yield " asserts the state of a page without waiting: use playwright's `expect`"
    here = {str(ROOT), str(Path.home())} - {"/"}
    if any(f"{place}/".encode() in content for place in here):
        yield " has a path of this machine: make it relative"
    yield from words(name, content)


def main(arguments: list[str]) -> int:
    """Check all tracked files, or the words of those below the paths after `--words`."""
    check = words if arguments[:1] == ["--words"] else faults
    command = ["git", "ls-files", "-z", "--", *arguments[1:]]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - git, no shell
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    found = [f"{name}:{fault}" for name in names for fault in check(name, (ROOT / name).read_bytes())]
    for line in found:
        print(line, file=sys.stderr)
    print(f"  {len(names)} files of the tree: {len(found) or 'no'} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
