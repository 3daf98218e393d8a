"""`make run`: keys, databases, then the four services in the foreground until Ctrl-C.

Exit code: 0 when asked to stop, 1 when a service or a preparation failed, 2 when a setting is wrong or a port taken.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster import Cluster, say
from cluster_settings import ROOT, Plan, Service, read_plan, taken_ports


def migrations(service: Service) -> str:
    """Return what changes whenever a service's migrations do."""
    digest = hashlib.sha256()
    folder = ROOT / service.name / "src" / service.how.package / "storage" / "migrations"
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def migrated(database: Path) -> Path:
    """Name the file that remembers which migrations the database has been through."""
    return database.with_suffix(".migrated")


def is_migrated(database: Path, service: Service) -> bool:
    """Whether the database is known to be up to date, so that no process needs to start and look."""
    note = migrated(database)
    return database.exists() and note.exists() and note.read_text() == migrations(service)


def key_files(plan: Plan) -> str:
    """Return the names of all key files; what makes keys has nothing to do while they are those it left."""
    return "\n".join(sorted(str(path.relative_to(plan.keys)) for path in plan.keys.rglob("*.pem")))


def prepare(plan: Plan) -> bool:
    """Make the keys and migrate the databases, all at once; tell each one's outcome."""
    for folder in (plan.var, plan.var / "log"):
        folder.mkdir(mode=0o700, exist_ok=True)
    plan.write_note()
    jobs = {}
    keys_made = plan.var / "keys.made"
    if not keys_made.exists() or keys_made.read_text() != key_files(plan):
        jobs["keys"] = (plan.services[0], ["auth_service.make_keys", "--keys-dir", str(plan.keys)])
    for service in plan.services:
        database = plan.database(service)
        if database and not is_migrated(database, service):
            jobs[f"database of the {service.name}"] = (service, ["service_kit.database", service.how.package])

    def work(name: str) -> bool:
        service, arguments = jobs[name]
        begin = time.monotonic()
        done = subprocess.run(  # noqa: S603 (our own modules, no shell)
            [sys.executable, "-m", *arguments],
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
        database = plan.database(service)
        if name == "keys":
            keys_made.write_text(key_files(plan))
        elif database:
            migrated(database).write_text(migrations(service))
        say(f"  {name}: up to date ({time.monotonic() - begin:.1f} s)")
        return True

    with ThreadPoolExecutor(len(plan.services)) as pool:
        return all(list(pool.map(work, jobs)))


def start() -> int:
    """Check, prepare, run."""
    plan, faults = read_plan(os.environ)
    if faults := [*faults, *taken_ports(plan)]:
        print("".join(f"error: {fault}\n" for fault in faults), end="", file=sys.stderr)
        return 2
    os.umask(0o077)
    # A relay must inherit honcho's signal handlers from its first moment; macOS cannot fork safely.
    if sys.platform != "darwin":
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
