"""The time from an acknowledged revocation to its effect in each process of each service.

For each revocation a user logs in, every process accepts the token, the session is ended (alternately by the user's log-out
and by an administrator), and every process gets requests until it responds 401. The time runs from the 204 to the first 401.
Then: the time until each process of auth-service answers a long poll for the list, the cost of following while nothing
changes, the time until a withdrawn key is refused, and the first figure again with plain polling instead of long polling.
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
from clusters import ProbedCluster
from distributions import Times, by_service, flat, histogram, percentile, plot
from report import Promise, table
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of

PLOTS = Path(__file__).resolve().parent / "plots"
P99, LONGEST, WOKEN = 250.0, 1000.0, 50.0  # promised milliseconds
LIST = "/status-lists/1"  # the only one in a new cluster
TTL = 5  # seconds between two polls; short, to keep the measurement short
POLLING_GRACE = 1000.0  # milliseconds for the poll itself


def refusals(  # noqa: PLR0913 - how to probe, by keyword
    cluster: ProbedCluster,
    token: str,
    revoke: Callable[[], Any],
    *,
    every: float = 0.002,
    bound: float = 10.0,
    document: str = "",
) -> dict[str, Any]:
    """Return, by process, the milliseconds from the acknowledgement to the first refusal, and its error code.

    Each process gets a request `every` seconds, for at most `bound` seconds. With a `document`, long polls for it at
    each process of auth-service are measured instead.
    """
    faults = cluster.probe.ask(token=token, document=document, every=every, bound=bound)["faults"]
    answer = revoke()
    acknowledged = time.monotonic()
    seen = cluster.probe.receive()
    if answer.status_code != 204:
        raise SystemExit(f"not revoked: {answer.status_code} {answer.text[:300]}")
    if faults or seen["faults"]:
        raise SystemExit("; ".join(faults or seen["faults"]))
    if lost := [name for name, refused in seen["refused"].items() if refused is None]:
        raise SystemExit(f"FAIL  no refusal within {bound:g} s from {', '.join(sorted(lost))}")
    return {name: (max(0.0, 1000 * (at - acknowledged)), why) for name, (at, why) in seen["refused"].items()}


def sessions(cluster: ProbedCluster, count: int, *, pause: float = 0.1, **how: Any) -> Times:
    """End `count` sessions, one after the other, each after a random pause of at most `pause` seconds."""
    alice, admin = cluster.user("alice"), cluster.user("admin")
    times: Times = {}
    said: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(count):
        token = alice.log_in()["access_token"]
        time.sleep(random.uniform(0.0, pause))
        sid = claims_of(token)["sid"]

        def revoke(number: int = number, token: str = token, sid: str = sid) -> Any:
            if number % 2:
                return cluster.gateway("DELETE", f"/admin/sessions/{sid}", token=admin.token)
            return cluster.gateway("POST", "/logout", token=token)

        _ = admin.token  # log in again now if that is due, not during the measurement
        for name, (milliseconds, why) in refusals(cluster, token, revoke, **how).items():
            times.setdefault(name, []).append(milliseconds)
            said[why] += 1
        if (number + 1) % 50 == 0:
            print(f"{number + 1} of {count}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"error codes of the refusals: {', '.join(f'{why} {often}' for why, often in said.most_common())}")
    return times


def withdrawals(cluster: ProbedCluster, count: int) -> Times:
    """Withdraw the signing key of a valid token, `count` times."""
    alice, admin = cluster.user("alice"), cluster.user("admin")
    times: Times = {}
    for _ in range(count):
        right = admin.log_in()["access_token"]
        kid = cluster.gateway("POST", "/admin/keys/rotate", token=right).json()["kid"]

        def signed_by(kid: str = kid) -> str:
            token = str(alice.log_in()["access_token"])
            return token if kid in _kid(token) else ""

        token = wait_for(signed_by, what="the new key's first signature")

        def withdraw(kid: str = kid, right: str = right) -> Any:
            return cluster.gateway("DELETE", f"/admin/keys/{kid}", token=right)

        for name, (milliseconds, _why) in refusals(cluster, token, withdraw).items():
            times.setdefault(name, []).append(milliseconds)
    return times


def _kid(token: str) -> str:
    import jwt

    return str(jwt.get_unverified_header(token)["kid"])


def wake_ups(cluster: ProbedCluster, count: int) -> Promise:
    """End sessions while one long poll for their list waits at each process of auth-service."""
    times = sessions(cluster, count, document=LIST)
    show("long poll at the auth-service", times)
    return Promise("long poll at auth-service: p99, ms", percentile(flat(times), 99), WOKEN)


def idle(cluster: ProbedCluster, seconds: float) -> list[list[object]]:
    """Return a row for each process: its CPU, fetches and responses per minute while nothing happens."""
    time.sleep(2.0)  # until the last change has been followed
    before = cluster.probe.ask(metrics=True)
    time.sleep(seconds)
    after = cluster.probe.ask(metrics=True)
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
        for process in cluster.processes
    ]


def _sum(text: str, metric: str) -> float:
    lines = (line for line in text.splitlines() if line.startswith((f"{metric} ", f"{metric}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def show(what: str, times: Times) -> None:
    """Print the table and the histogram of a distribution."""
    rows = [
        [name, len(seen), percentile(seen, 50), percentile(seen, 99), max(seen)]
        for name, seen in times.items()
    ]
    print(f"\n{table(rows, [what, 'times', 'p50 ms', 'p99 ms', 'max ms'])}\n{histogram(flat(times))}")


def promised(what: str, times: Times) -> list[Promise]:
    """Return the promises about revocation, for the slowest process."""
    worst = max(percentile(seen, 99) for seen in times.values())
    return [
        Promise(f"{what}: p99 of the slowest process, ms", worst, P99),
        Promise(f"{what}: longest of all, ms", max(flat(times)), LONGEST),
    ]


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500, help="revocations (default %(default)s)")
    parser.add_argument(
        "--quick", action="store_true", help="24 revocations; no plots, idling and plain polling"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--compose", action="store_true", help="in containers, two of each service")
    where.add_argument("--gateway", metavar="URL", help="a running cluster, through its gateway")
    parser.add_argument(
        "--plots", type=Path, default=PLOTS, help="folder for the plots (default bench/plots)"
    )
    parser.add_argument("--json", type=Path, help="write all times to this file, too")
    options = parser.parse_args()
    if options.quick:
        options.count, options.plots = min(options.count, 24), None
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
            plot(options.plots / f"{name}.svg", title, by_service(times), bounds=bounds)

    bounds = {"promised for 99 of 100": P99, "promised for all": LONGEST}
    if options.compose or options.gateway:
        place = clusters.in_containers() if options.compose else clusters.behind(options.gateway)
        title = "revocation, in containers" if options.compose else "revocation, through the gateway"
        with place as cluster:
            name = "revocation-containers" if options.compose else "revocation-gateway"
            keep(name, title, times := sessions(cluster, options.count), bounds)
            promises += promised(title, times)
            if options.compose:
                promises.append(wake_ups(cluster, options.count // 5))
    else:
        promises += on_this_machine(options, keep, bounds, figures)
    print(*promises, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(figures))
    return 0 if all(promise.holds for promise in promises) else 1


def on_this_machine(
    options: argparse.Namespace,
    keep: Callable[[str, str, Times, dict[str, float]], None],
    bounds: dict[str, float],
    figures: dict[str, Any],
) -> list[Promise]:
    """Measure on this machine: revocation, idling, key withdrawal, and revocation with plain polling."""
    with clusters.on_this_machine({}) as cluster:
        keep("revocation", "revocation", times := sessions(cluster, options.count), bounds)
        woken = wake_ups(cluster, options.count // 5)
        if not options.quick:
            figures["idle"] = idle(cluster, 60.0)
            names = ["idle, per minute", "CPU ms", "fetches", "responses"]
            print(f"\n{table(figures['idle'], names)}")
    with clusters.on_this_machine({"JWKS_MAX_AGE": "1"}) as cluster:
        show("key withdrawal", keys := withdrawals(cluster, 3 if options.quick else 10))
    kept = [
        *promised("revocation", times),
        woken,
        Promise("key withdrawal: longest of all, ms", max(flat(keys)), LONGEST),
    ]
    if options.quick:
        return kept
    with clusters.on_this_machine({"STATUS_LIST_TTL": str(TTL)}, polling=True) as cluster:
        # After a change a follower polls again within a second, to see whether the server supports long polling: so pause.
        polled = sessions(cluster, max(6, options.count // 16), pause=TTL + 2.0, every=0.02, bound=TTL + 10.0)
        title, grace = f"revocation, polling every {TTL} s", {"ttl": 1000.0 * TTL}
        keep("revocation-polling", title, polled, grace)
    return [
        *kept,
        Promise("polling: longest of all, ms", max(flat(polled)), 1000.0 * TTL + POLLING_GRACE),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
