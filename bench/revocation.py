"""How long a revoked session is still believed, by each process of each service, after its end was acknowledged.

Each time somebody logs in, every process accepts the token, the session is ended (by its owner's log-out and by an
administrator in turn), and every process is asked until it answers 401. The time counts from the 204 to the arrival of the
first 401. Then: how soon each process of the mint answers who waits for the list, what following costs while nothing
happens, how long a withdrawn key is believed, and the first figure once more with plain polling in place of long polling.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clusters
from clusters import House
from distributions import Times, by_service, distribution, flat, histogram, percentile
from report import Promise, table
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of

PLOTS = Path(__file__).resolve().parent / "plots"
P99, LONGEST, WOKEN = 250.0, 1000.0, 50.0  # promised milliseconds
LIST = "/status-lists/1"  # there is no second one so soon
TTL = 5  # seconds between two looks in poll-only mode: short, or it would take all day
POLLING_GRACE = 1000.0  # milliseconds that a poll itself may take


def refusals(  # noqa: PLR0913 - how it is watched, by keyword
    house: House,
    token: str,
    revoke: Callable[[], Any],
    *,
    every: float = 0.002,
    bound: float = 10.0,
    document: str = "",
) -> dict[str, Any]:
    """Return, by process, the milliseconds from the acknowledgement to the first refusal, and what it said.

    They are asked `every` so many seconds, up to a `bound`. With a `document`, instead of them those are
    watched who wait at each process of the mint for that to change.
    """
    faults = house.observer.ask(watch=token, document=document, every=every, bound=bound)["faults"]
    answer = revoke()
    acknowledged = time.monotonic()
    seen = house.observer.hear()
    if answer.status_code != 204:
        raise SystemExit(f"not revoked: {answer.status_code} {answer.text[:300]}")
    if faults or seen["faults"]:
        raise SystemExit("; ".join(faults or seen["faults"]))
    if lost := [name for name, refused in seen["refused"].items() if refused is None]:
        raise SystemExit(f"FAIL  no word after {bound:g} s from {', '.join(sorted(lost))}")
    return {name: (max(0.0, 1000 * (at - acknowledged)), why) for name, (at, why) in seen["refused"].items()}


def sessions(house: House, count: int, *, pause: float = 0.1, **how: Any) -> Times:
    """End `count` sessions, one after the other, each after a random pause of at most `pause` seconds."""
    alice, admin = house.person("alice"), house.person("admin")
    times: Times = {}
    said: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(count):
        token = alice.log_in()["access_token"]
        time.sleep(random.uniform(0.0, pause))
        sid = claims_of(token)["sid"]

        def revoke(number: int = number, token: str = token, sid: str = sid) -> Any:
            if number % 2:
                return house.door("DELETE", f"/admin/sessions/{sid}", token=admin.token)
            return house.door("POST", "/logout", token=token)

        _ = admin.token  # a new log-in, should it be due, is no part of what is measured
        for name, (milliseconds, why) in refusals(house, token, revoke, **how).items():
            times.setdefault(name, []).append(milliseconds)
            said[why] += 1
        if (number + 1) % 50 == 0:
            print(f"{number + 1} of {count}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"the refusals said: {', '.join(f'{why} {often}' for why, often in said.most_common())}")
    return times


def withdrawals(house: House, count: int) -> Times:
    """Withdraw the signing key of a good token, a few times."""
    alice, admin = house.person("alice"), house.person("admin")
    times: Times = {}
    for _ in range(count):
        right = admin.log_in()["access_token"]
        kid = house.door("POST", "/admin/keys/rotate", token=right).json()["kid"]

        def signed_by(kid: str = kid) -> str:
            token = str(alice.log_in()["access_token"])
            return token if kid in _kid(token) else ""

        token = wait_for(signed_by, what="the new key's first signature")

        def withdraw(kid: str = kid, right: str = right) -> Any:
            return house.door("DELETE", f"/admin/keys/{kid}", token=right)

        for name, (milliseconds, _why) in refusals(house, token, withdraw).items():
            times.setdefault(name, []).append(milliseconds)
    return times


def _kid(token: str) -> str:
    import jwt

    return str(jwt.get_unverified_header(token)["kid"])


def waking(house: House, count: int) -> Promise:
    """End sessions while nobody but followers of their list asks anything: one waits at each process of the mint."""
    times = sessions(house, count, document=LIST)
    show("being woken at the mint", times)
    return Promise("being woken at the mint: p99, ms", percentile(flat(times), 99), WOKEN)


def idle(house: House, seconds: float) -> list[list[object]]:
    """Return a row for each process: its CPU, its fetches and the requests that it answered, for a minute of nothing."""
    time.sleep(2.0)  # for the last change to be over
    before = house.observer.ask(metrics=True)
    time.sleep(seconds)
    after = house.observer.ask(metrics=True)
    minutes: float = (after["at"] - before["at"]) / 60

    def grown(process: str, metric: str) -> float:
        return (_sum(after["metrics"][process], metric) - _sum(before["metrics"][process], metric)) / minutes

    return [
        [
            process,
            1000 * grown(process, "process_cpu_seconds_total"),
            grown(process, "touchstone_document_fetches_total"),
            grown(process, "http_requests_total"),
        ]
        for process in house.processes
    ]


def _sum(text: str, metric: str) -> float:
    lines = (line for line in text.splitlines() if line.startswith((f"{metric} ", f"{metric}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def show(what: str, times: Times) -> None:
    """Print the table and the shape of a distribution."""
    rows = [
        [name, len(seen), percentile(seen, 50), percentile(seen, 99), max(seen)]
        for name, seen in times.items()
    ]
    print(f"\n{table(rows, [what, 'times', 'p50 ms', 'p99 ms', 'max ms'])}\n{histogram(flat(times))}")


def promised(what: str, times: Times) -> list[Promise]:
    """Return the promises about revocation, held against the worst process."""
    worst = max(percentile(seen, 99) for seen in times.values())
    return [
        Promise(f"{what}: p99 of the worst process, ms", worst, P99),
        Promise(f"{what}: longest of all, ms", max(flat(times)), LONGEST),
    ]


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500, help="revocations (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a look: 60 revocations, no plots")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--compose", action="store_true", help="in containers, two of each service")
    where.add_argument("--gateway", metavar="URL", help="a cluster that runs already, through its gateway")
    parser.add_argument(
        "--plots", type=Path, default=PLOTS, help="folder for the plots (default bench/plots)"
    )
    parser.add_argument("--json", type=Path, help="write all times to this file, too")
    options = parser.parse_args()
    if options.quick:
        options.count, options.plots = min(options.count, 60), None
    return options


def main() -> int:
    """Measure, print, and return 0 only if the promises hold."""
    options = arguments()
    figures: dict[str, Any] = {}
    promises: list[Promise] = []

    def keep(name: str, title: str, times: Times, bounds: dict[str, float]) -> None:
        figures[name] = times
        show(title, times)
        if options.plots:
            distribution(options.plots / f"{name}.svg", title, by_service(times), bounds=bounds)

    bounds = {"promised for 99 of 100": P99, "promised for all": LONGEST}
    if options.compose or options.gateway:
        place = clusters.in_containers() if options.compose else clusters.behind(options.gateway)
        title = "revocation, in containers" if options.compose else "revocation, through the gateway"
        with place as house:
            name = "revocation-containers" if options.compose else "revocation-gateway"
            keep(name, title, times := sessions(house, options.count), bounds)
            promises += promised(title, times)
            if options.compose:
                promises.append(waking(house, options.count // 5))
    else:
        promises += everything_here(options, keep, bounds, figures)
    print(*promises, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(figures))
    return 0 if all(promise.holds for promise in promises) else 1


def everything_here(
    options: argparse.Namespace,
    keep: Callable[[str, str, Times, dict[str, float]], None],
    bounds: dict[str, float],
    figures: dict[str, Any],
) -> list[Promise]:
    """Measure on this machine: revocation, idling, key withdrawal, and revocation with plain polling."""
    with clusters.on_this_machine({}) as house:
        keep("revocation", "revocation", times := sessions(house, options.count), bounds)
        woken = waking(house, options.count // 5)
        figures["idle"] = idle(house, 20.0 if options.quick else 60.0)
        names = ["a minute of nothing", "CPU ms", "fetches", "answers"]
        print(f"\n{table(figures['idle'], names)}")
    with clusters.on_this_machine({"JWKS_MAX_AGE": "1"}) as house:
        show("key withdrawal", keys := withdrawals(house, 3 if options.quick else 10))
    with clusters.on_this_machine({"STATUS_LIST_TTL": str(TTL)}, polling=True) as house:
        # After a change a follower asks once more within a second, to see whether the server has learned to wait: so pause.
        polled = sessions(house, max(6, options.count // 16), pause=TTL + 2.0, every=0.02, bound=TTL + 10.0)
        title, grace = f"revocation, polling every {TTL} s", {"ttl": 1000.0 * TTL}
        keep("revocation-polling", title, polled, grace)
    return [
        *promised("revocation", times),
        woken,
        Promise("key withdrawal: longest of all, ms", max(flat(keys)), LONGEST),
        Promise("polling: longest of all, ms", max(flat(polled)), 1000.0 * TTL + POLLING_GRACE),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
