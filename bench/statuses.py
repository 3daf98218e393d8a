"""What revocation bits cost a mint with a million sessions: log-ins, revocations, reading the bits, the signed list.

SQLite and PostgreSQL, each with a million living sessions in one list of 2^20 bits: so full that a free bit is hard to
find. Then two processes end sessions while people log in and a reader looks: each in a transaction of its own, as log-outs do,
and many in one, as a client that is disabled does.
PostgreSQL takes part where there is one: the server that TEST_POSTGRES_URL names, or one that tools/with-postgres starts
for this, whose commits do not wait for the disk. SQLite's do.
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
from auth_service.domain.sessions.status_list import ReadPosition
from auth_service.signing.status_list_tokens import compressed
from auth_service.storage.unit_of_work import SqlStore
from distributions import percentile
from report import Promise, table
from session_workload import Mint, Paced, Times, end_sessions

WITH_POSTGRES = Path(__file__).resolve().parent.parent / "tools" / "with-postgres"
PROMISED = 1000.0  # revocations per second
ASKED = 1.05 * PROMISED  # so that what was held up can be made good
PROCESSES, THREADS = 2, 2
# Sessions that end in one transaction: a log-out's, and some of a client's that is disabled.
TOGETHER = (1, 100)
LOG_INS, LOOKS = 40.0, 20.0  # per second, beside them
SHARES = (0.001, 0.01, 0.05)  # of all sessions revoked


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sessions: int
    seconds: float  # of revocations, and half as long of log-ins without
    rounds: int


FULL, QUICK = Scale(1_000_000, 10.0, 300), Scale(100_000, 2.0, 60)


def repeated(count: int, work: Callable[[int], object]) -> list[float]:
    """Return the milliseconds of each."""
    times = Times()
    for number in range(count):
        times.measure(partial(work, number))
    return times.all


def shown(milliseconds: Sequence[float]) -> tuple[float, float]:
    """Return median and 99th percentile."""
    return percentile(milliseconds, 50), percentile(milliseconds, 99)


def choosing(mint: Mint, rounds: int) -> list[float]:
    """Return the milliseconds of choosing a free bit, which is then not taken."""
    with mint.store.reading() as tx:
        return repeated(rounds, lambda _: next(iter(tx.statuses.choices())))


def writing(kind: str, mint: Mint, sessions: int, rounds: int) -> list[object]:
    """Measure choosing a bit, and the transaction of a log-in, with so many sessions there."""
    repeated(10, mint.log_in)
    return [kind, sessions, *shown(choosing(mint, rounds)), *shown(repeated(rounds, mint.log_in))]


def listing(mint: Mint, share: float, sessions: int) -> list[object]:
    """Measure the first reading of all bits, making the list token, and its size, with this share of bits set."""
    lists, times = mint.lists(), Times()
    times.measure(lists.refresh)
    times.measure(lambda: lists.document(1))
    packed = len(compressed(lists.get(1).data))
    return [f"{share:.1%}", round(share * sessions), packed, len(lists.document(1)[0]), *times.all]


@dataclass(frozen=True)
class Stormy:
    """What came of ending sessions at a pace, with people who log in and a reader beside."""

    rate: float
    cpu: float  # milliseconds of the processes that end sessions, for each
    ends: list[float]
    log_ins: list[float]
    looks: list[float]


def storm(url: str, mint: Mint, numbers: range, together: int) -> Stormy:
    """End these sessions from two processes, at the pace asked for, or as fast as the database can."""
    longest = 1.5 * len(numbers) / ASKED
    horizon: list[ReadPosition] = [mint.changes(None).horizon]

    def look(_: int) -> None:
        horizon[0] = mint.changes(horizon[0]).horizon

    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(len, [()] * PROCESSES))  # both are there
        with Paced(LOG_INS, mint.log_in) as log_ins, Paced(LOOKS, look) as looks:
            parts = [
                pool.submit(
                    end_sessions, url, numbers[at::PROCESSES], ASKED / PROCESSES, THREADS, longest, together
                )
                for at in range(PROCESSES)
            ]
            done = [part.result() for part in parts]
    began, ended = min(each.began for each in done), max(each.ended for each in done)
    ends = [spent for each in done for spent in each.times]
    number = min(len(ends) * together, len(numbers))
    return Stormy(
        number / (ended - began),
        1000 * sum(each.cpu for each in done) / number,
        ends,
        log_ins.within(began, ended),
        looks.within(began, ended),
    )


@dataclass
class Report:
    """The rows of the tables, and the promises."""

    writes: list[list[object]] = field(default_factory=list)
    lists: list[list[object]] = field(default_factory=list)
    storms: list[list[object]] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)

    def add(self, kind: str, url: str, scale: Scale) -> None:
        """Measure one database."""
        engine = bulk_sessions.migrated(url)
        mint, revoked, began = Mint(SqlStore(engine)), 0, time.monotonic()
        bulk_sessions.people(engine)
        self.writes.append(writing(kind, mint, 0, scale.rounds))
        bulk_sessions.fill(engine, scale.sessions)
        self.writes.append(writing(kind, mint, scale.sessions, scale.rounds))
        for share in SHARES:
            bulk_sessions.revoke_in_bulk(engine, revoked, round(share * scale.sessions))
            revoked = round(share * scale.sessions)
            self.lists.append([kind, *listing(mint, share, scale.sessions)])
        with Paced(LOG_INS, mint.log_in) as calm:
            time.sleep(scale.seconds / 2)
        for together in TOGETHER:
            numbers = range(revoked, revoked + round(ASKED * scale.seconds))
            revoked = numbers.stop
            found = storm(url, mint, numbers, together)
            ratio = percentile(found.log_ins, 50) / percentile(calm.all, 50)
            beside = (*shown(calm.all), *shown(found.log_ins), ratio, *shown(found.looks))
            self.storms.append([kind, together, found.rate, found.cpu, *shown(found.ends), *beside])
            # One by one each waits for the disk, and two cores are not enough: shown, not promised.
            if together > 1:
                name = f"revocations a second, sustained, {kind}, {together} in a transaction"
                self.promises.append(Promise(name, found.rate, PROMISED, ">="))
        engine.dispose()
        print(f"{kind} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        writes = "database", "sessions", "choose", "p99", "log-in", "p99"
        lists = "database", "revoked", "bits set", "zlib", "token", "first reading", "packing and signing"
        storms = (
            "database",
            "together",
            "done a second",
            "CPU of each",
            "transaction",
            "p99",
            "log-in without",
            "p99",
            "beside",
            "p99",
            "times",
        )
        paces = (
            f"{ASKED:.0f} revocations asked for a second, {LOG_INS:.0f} log-ins and {LOOKS:.0f} looks beside"
        )
        return "\n".join(
            (
                "choosing a free bit, and the whole transaction of a log-in; ms, median and 99th percentile",
                table(self.writes, writes),
                "\nthe signed list; bytes, and ms for a process that has read nothing yet",
                table(self.lists, lists),
                f"\n{paces}; ms, median and 99th percentile",
                table(self.storms, [*storms, "look", "p99"]),
                *map(str, self.promises),
            )
        )


def main() -> int:
    """Measure, print, and return 0 only if the promise holds for every database that is here."""
    parser = argparse.ArgumentParser(description=__doc__)
    quick = "a tenth of the sessions, for a fifth of the time"
    parser.add_argument("--quick", action="store_true", help=quick)
    scale, report = QUICK if parser.parse_args().quick else FULL, Report()
    with bulk_sessions.databases() as urls:
        for kind, url in urls.items():
            report.add(kind, url, scale)
    print(report)
    return 0 if all(promise.holds for promise in report.promises) else 1


if __name__ == "__main__":
    if "TEST_POSTGRES_URL" not in os.environ and "STATUSES_ALONE" not in os.environ:
        os.environ["STATUSES_ALONE"] = "1"  # it runs us again, with a PostgreSQL or without
        os.execv(WITH_POSTGRES, [str(WITH_POSTGRES), sys.executable, *sys.argv])
    raise SystemExit(main())
