"""The cost of the real services: responses a second and CPU of four common requests, and the threads of orders-service.

One process of each service on SQLite, or on PostgreSQL with BENCH_POSTGRES_URL; 32 connections. Every case is measured in
each round, so that other load on the machine affects all equally.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import load_generator
import requests
from processes import running
from report import Promise, table
from testkit.cluster import DEMO_PASSWORD, Cluster, free_ports
from testkit.http_client import HttpClient
from testkit.user import User

CONNECTIONS = 32
AT_ONCE = (1, 2, 4, 8)
ORDERS = 20
SHIPPED = "GET /products"


@dataclass(frozen=True)
class Case:
    """A request, and the service that it goes to."""

    service: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """The result of one run: the load, and milliseconds of the service's CPU per response."""

    load: load_generator.Load
    cpu: float


def cpu_seconds(service: str) -> float:
    """Return the CPU seconds of a service's process so far, from its metrics."""
    text = requests.get(f"{service}/metrics", timeout=10).text
    found = re.search(r"^process_cpu_seconds_total (\S+)", text, re.MULTILINE)
    assert found
    return float(found[1])


def run(case: Case, seconds: float) -> Run:
    """Send requests as fast as the service responds. Raise SystemExit if one fails."""
    before = cpu_seconds(case.service)
    seen = load_generator.run(
        case.service + case.path, headers=dict(case.headers), connections=CONNECTIONS, seconds=seconds
    )
    if seen.errors or not seen.answers:
        raise SystemExit(f"{case.path}: {seen.errors} of {seen.errors + seen.answers} requests failed")
    return Run(seen, 1000 * (cpu_seconds(case.service) - before) / seen.answers)


@contextlib.contextmanager
def serving() -> Iterator[dict[str, Case]]:
    """Run the services, and orders-service with each number of threads; yield the cases by name."""
    settings = {"RATE_LIMITS": "off"}
    only = {}
    if url := os.environ.get("BENCH_POSTGRES_URL"):
        only = {"orders-service": {"DATABASE_URL": url}}
    with contextlib.ExitStack() as stack:
        names = ["auth-service", "users-service", "orders-service"]
        cluster = stack.enter_context(Cluster(settings, only=only, services=names))
        client = stack.enter_context(contextlib.closing(HttpClient(cluster.urls["auth-service"])))
        headers = {"Authorization": f"Bearer {User(client, 'alice@example.com', DEMO_PASSWORD).token}"}
        users, orders = cluster.urls["users-service"], cluster.urls["orders-service"]
        sku = requests.get(f"{orders}/products", timeout=10).json()["items"][0]["sku"]
        for _ in range(ORDERS):
            body = {"items": [{"sku": sku, "quantity": 1}]}
            made = requests.post(f"{orders}/orders", json=body, headers=headers, timeout=10)
            made.raise_for_status()
        cases = {
            SHIPPED: Case(orders, "/products", {}),
            "GET /users/me": Case(users, "/users/me", headers),
            f"GET /orders, {ORDERS} of them": Case(orders, "/orders", headers),
            "GET /orders/{id}": Case(orders, f"/orders/{made.json()['id']}", headers),
        }
        for number, port in zip(AT_ONCE, free_ports(len(AT_ONCE)), strict=True):
            words = f"-m granian --interface asginl --http 1 --no-ws --log-level error --host 127.0.0.1 --port {port}"
            environment = cluster.environment("orders-service") | {"BENCH_THREADS_AT_ONCE": str(number)}
            other = f"http://127.0.0.1:{port}"
            command = [sys.executable, *words.split(), "orders_threads:app"]
            stack.enter_context(running(command, f"{other}/livez", **environment))
            cases[f"{SHIPPED}, {number} at once"] = Case(other, "/products", {})
        yield cases


def measure(rounds: int, seconds: float) -> list[Promise]:
    """Measure, print a table, and return the promises."""
    with serving() as cases:
        results: dict[str, list[Run]] = {name: [] for name in cases}
        for number in range(-1, rounds):
            print(f"services, round {number + 1} of {rounds}", file=sys.stderr)
            for name, case in cases.items():
                seen = run(case, seconds)
                if number >= 0:
                    results[name].append(seen)

    def middle(name: str) -> tuple[float, float]:
        runs = results[name]
        return statistics.median(r.load.rate for r in runs), statistics.median(r.cpu for r in runs)

    rows = [
        [name, round(middle(name)[0]), middle(name)[1], 1000 * statistics.median(r.load.percentile(50) for r in runs)]
        for name, runs in results.items()
    ]  # fmt: skip
    print(table(rows, ["request", "responses/s", "CPU ms", "p50 ms"]))
    best = max((f"{SHIPPED}, {number} at once" for number in AT_ONCE), key=lambda name: middle(name)[0])
    pairs = zip(results[SHIPPED], results[best], strict=True)
    return [
        Promise(f"CPU of {SHIPPED}, ms", middle(SHIPPED)[1], 0.45),
        Promise(
            f"shipped threads, times the best ({best})",
            statistics.median(a.load.rate / b.load.rate for a, b in pairs),
            0.9,
            ">=",
        ),
    ]
