"""`make bench`: run the laboratory's scripts one after another and list their promises at the end.

Usage: bench.py [NAME…] [OPTION…]   each script gets the options; --quick takes about two minutes for all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent / "bench"
SCRIPTS = ("verify", "endpoint", "gateway", "revocation", "statuses")
VERDICTS = ("PASS", "FAIL")


def run(name: str, options: list[str]) -> tuple[int, list[str]]:
    """Run one script and print its output as it comes; return its exit code and its verdicts."""
    begin = time.monotonic()
    print(f"== {name}", flush=True)
    verdicts = []
    command = [sys.executable, "-u", str(BENCH / f"{name}.py"), *options]
    with subprocess.Popen(command, cwd=BENCH.parent, stdout=subprocess.PIPE, text=True) as script:  # noqa: S603 - our own scripts
        for line in script.stdout or ():
            print(line, end="", flush=True)
            if line.startswith(VERDICTS):
                verdicts.append(line.rstrip())
    print(f"== {name} took {time.monotonic() - begin:.0f} s\n", flush=True)
    return script.returncode, verdicts


def main(arguments: list[str]) -> int:
    """Run the named scripts; return 1 if a script failed or a promise is broken, 2 for an unknown name."""
    split = next((at for at, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    names, options = arguments[:split] or list(SCRIPTS), arguments[split:]
    if unknown := set(names) - set(SCRIPTS):
        print(
            f"error: unknown: {', '.join(sorted(unknown))}; choose from {', '.join(SCRIPTS)}", file=sys.stderr
        )
        return 2
    results = {name: run(name, options) for name in names}
    print("== promises")
    broken = False
    for name, (code, verdicts) in results.items():
        for verdict in verdicts:
            print(f"  {verdict}")
        if code != 0 and not any(verdict.startswith("FAIL") for verdict in verdicts):
            print(f"  FAIL  {name} ended with code {code}")
        broken = broken or code != 0 or any(verdict.startswith("FAIL") for verdict in verdicts)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
