"""`make run`: keys, databases, then the four services in the foreground until Ctrl-C.

Exit code: 0 when asked to stop, 1 when a service or a preparation failed, 2 when a setting is wrong or a port taken.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from cluster import Cluster, say
from plan import ROOT, Plan, read_plan


def prepare(plan: Plan) -> bool:
    """Make the keys and migrate the databases, all at once; tell each one's outcome."""
    for folder in (plan.var, plan.var / "log"):
        folder.mkdir(mode=0o700, exist_ok=True)
    jobs = {
        "keys": (
            [sys.executable, "-m", "auth_service.signing", "--keys-dir", str(plan.keys)],
            plan.services[0],
        )
    }
    for service in plan.services:
        if service.has_data:
            command = [sys.executable, "-m", "service_kit.database", service.package]
            jobs[f"database of the {service.name}"] = (command, service)

    def work(name: str) -> bool:
        command, service = jobs[name]
        begin = time.monotonic()
        done = subprocess.run(  # noqa: S603 (our own modules, no shell)
            command,
            cwd=ROOT,
            env=plan.environment(service),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C waits for the second that this takes: nothing half-made is left
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            say(f"  {name}: failed\n{done.stdout}{done.stderr}")
            return False
        say(f"  {name}: up to date ({time.monotonic() - begin:.1f} s)")
        return True

    with ThreadPoolExecutor(len(jobs)) as pool:
        return all(list(pool.map(work, jobs)))


def start() -> int:
    """Check, prepare, run."""
    plan, faults = read_plan(os.environ)
    if faults:
        print("".join(f"error: {fault}\n" for fault in faults), end="", file=sys.stderr)
        return 2
    os.umask(0o077)
    if (
        sys.platform != "darwin"
    ):  # elsewhere a relay must inherit honcho's signal handlers from its first moment
        multiprocessing.set_start_method("fork")
    say("starting Touchstone")
    return Cluster(plan).run() if prepare(plan) else 1


def main() -> int:
    """Take every way of asking to stop alike, at any moment."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    try:
        return start()
    except KeyboardInterrupt:
        say("\nstopped")
        return 0


if __name__ == "__main__":
    sys.exit(main())
