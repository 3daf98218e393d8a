"""The cost of status bits with a million sessions: log-ins, revocations, reading the bits, the signed list.

SQLite and PostgreSQL, each with a million active sessions in one list of 2^20 bits, so full that a free bit is hard to find.
Then two processes end sessions beside log-ins and a reader: each session in its own transaction, as log-outs do, and many
in one, as disabling a client does.
PostgreSQL is the server at TEST_POSTGRES_URL, or one that tools/with-postgres starts if it is installed, whose commits do
not wait for the disk. SQLite's do.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import bulk_sessions
from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.sessions.status_bits import ReadPosition
from auth_service.signing.status_list_tokens import compressed
from auth_service.storage.unit_of_work import SqlStore
from distributions import percentile
from report import Promise, table
from session_workload import AuthService, Paced, Times, end_sessions

WITH_POSTGRES = Path(__file__).resolve().parent.parent / "tools" / "with-postgres"
PROMISED = 1000.0  # revocations per second
TARGET = 1.05 * PROMISED  # a little more, to make up for delays
PROCESSES, THREADS = 2, 2
# Sessions that end in one transaction: one as for a log-out, many as for a disabled client.
TOGETHER = (1, 100)
LOG_INS, READS = 40.0, 20.0  # per second, at the same time
SHARES = (0.001, 0.01, 0.05)  # of all sessions revoked


@dataclass(frozen=True)
class Scale:
    """The size of a measurement."""

    sessions: int
    seconds: float  # of revocations; half as long of log-ins alone
    rounds: int


FULL, QUICK = Scale(1_000_000, 10.0, 300), Scale(50_000, 1.0, 30)


def repeated(count: int, work: Callable[[int], object]) -> list[float]:
    """Return the milliseconds of each of `count` calls."""
    times = Times()
    for number in range(count):
        times.measure(partial(work, number))
    return times.all


def shown(milliseconds: Sequence[float]) -> tuple[float, float]:
    """Return median and 99th percentile."""
    return percentile(milliseconds, 50), percentile(milliseconds, 99)


def choosing(auth: AuthService, rounds: int) -> list[float]:
    """Return the milliseconds of choosing a free bit, without taking it."""
    with auth.store.reading() as tx:
        return repeated(rounds, lambda _: next(iter(tx.statuses.choices())))


def writing(kind: str, auth: AuthService, sessions: int, rounds: int) -> list[object]:
    """Measure choosing a bit and the transaction of a log-in, with this number of sessions in the database."""
    repeated(10, auth.log_in)
    return [kind, sessions, *shown(choosing(auth, rounds)), *shown(repeated(rounds, auth.log_in))]


def listing(auth: AuthService, share: float, sessions: int) -> list[object]:
    """Measure the first read of all bits, and the making and size of the list token, with this share of bits set."""
    lists, times = auth.lists(), Times()
    times.measure(lists.refresh)
    times.measure(lambda: lists.document(1))
    packed = len(compressed(lists.get(1).data))
    return [f"{share:.1%}", round(share * sessions), packed, len(lists.document(1)[0]), *times.all]


@dataclass(frozen=True)
class Workload:
    """The result of ending sessions at a steady rate, beside log-ins and a reader."""

    rate: float
    cpu: float  # milliseconds per session, of the processes that end them
    ends: list[float]
    log_ins: list[float]
    reads: list[float]


def run_workload(url: str, auth: AuthService, numbers: range, together: int) -> Workload:
    """End these sessions from two processes, at the target rate or as fast as the database can."""
    longest = 1.5 * len(numbers) / TARGET
    position: list[ReadPosition] = [auth.changes(None).position]

    def read(_: int) -> None:
        position[0] = auth.changes(position[0]).position

    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(len, [()] * PROCESSES))  # until both have started
        with Paced(LOG_INS, auth.log_in) as log_ins, Paced(READS, read) as reads:
            parts = [
                pool.submit(
                    end_sessions, url, numbers[at::PROCESSES], TARGET / PROCESSES, THREADS, longest, together
                )
                for at in range(PROCESSES)
            ]
            done = [part.result() for part in parts]
    began, ended = min(each.began for each in done), max(each.ended for each in done)
    ends = [spent for each in done for spent in each.times]
    number = min(len(ends) * together, len(numbers))
    return Workload(
        number / (ended - began),
        1000 * sum(each.cpu for each in done) / number,
        ends,
        log_ins.within(began, ended),
        reads.within(began, ended),
    )


@dataclass
class Report:
    """The rows of the tables, and the promises."""

    writes: list[list[object]] = field(default_factory=list)
    lists: list[list[object]] = field(default_factory=list)
    workloads: list[list[object]] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)

    def add(self, kind: str, url: str, scale: Scale) -> None:
        """Measure one database."""
        engine = bulk_sessions.migrated(url)
        auth, revoked, began = (
            AuthService(SqlStore(engine, registry=packaged_rows().registry)),
            0,
            time.monotonic(),
        )
        bulk_sessions.people(engine)
        self.writes.append(writing(kind, auth, 0, scale.rounds))
        bulk_sessions.fill(engine, scale.sessions)
        self.writes.append(writing(kind, auth, scale.sessions, scale.rounds))
        for share in SHARES:
            bulk_sessions.revoke_in_bulk(engine, revoked, round(share * scale.sessions))
            revoked = round(share * scale.sessions)
            self.lists.append([kind, *listing(auth, share, scale.sessions)])
        with Paced(LOG_INS, auth.log_in) as calm:
            time.sleep(scale.seconds / 2)
        for together in TOGETHER:
            numbers = range(revoked, revoked + round(TARGET * scale.seconds))
            revoked = numbers.stop
            found = run_workload(url, auth, numbers, together)
            ratio = percentile(found.log_ins, 50) / percentile(calm.all, 50)
            beside = (*shown(calm.all), *shown(found.log_ins), ratio, *shown(found.reads))
            self.workloads.append([kind, together, found.rate, found.cpu, *shown(found.ends), *beside])
            # Single transactions each wait for the disk, and two cores are not enough: shown, not promised.
            if together > 1:
                name = f"revocations a second, sustained, {kind}, {together} in a transaction"
                self.promises.append(Promise(name, found.rate, PROMISED, ">="))
        engine.dispose()
        print(f"{kind} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        writes = "database", "sessions", "choose", "p99", "log-in", "p99"
        lists = "database", "revoked", "bits set", "zlib", "token", "first read", "packing and signing"
        workloads = (
            "database",
            "together",
            "per second",
            "CPU each",
            "transaction",
            "p99",
            "log-in alone",
            "p99",
            "log-in beside",
            "p99",
            "times",
        )
        paces = f"target of {TARGET:.0f} revocations a second, beside {LOG_INS:.0f} log-ins and {READS:.0f} reads a second"
        return "\n".join(
            (
                "choosing a free bit, and the transaction of a log-in; ms, median and 99th percentile",
                table(self.writes, writes),
                "\nthe signed list; bytes, and ms in a process that has just started",
                table(self.lists, lists),
                f"\n{paces}; ms, median and 99th percentile",
                table(self.workloads, [*workloads, "read", "p99"]),
                *map(str, self.promises),
            )
        )


def main() -> int:
    """Measure, print, and return 0 only if the promise holds for every database."""
    parser = argparse.ArgumentParser(description=__doc__)
    quick = "a twentieth of the sessions, for a tenth of the time"
    parser.add_argument("--quick", action="store_true", help=quick)
    scale, report = QUICK if parser.parse_args().quick else FULL, Report()
    with bulk_sessions.databases() as urls:
        for kind, url in urls.items():
            report.add(kind, url, scale)
    print(report)
    return 0 if all(promise.holds for promise in report.promises) else 1


if __name__ == "__main__":
    if "TEST_POSTGRES_URL" not in os.environ and "STATUSES_ALONE" not in os.environ:
        os.environ["STATUSES_ALONE"] = (
            "1"  # with-postgres runs this script again, with PostgreSQL if it is installed
        )
        os.execv(WITH_POSTGRES, [str(WITH_POSTGRES), sys.executable, *sys.argv])
    raise SystemExit(main())
