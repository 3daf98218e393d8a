"""Record how long after a log-out processes refuse a session, for the console's lanes that the running cluster does not have.

Three processes ask a session store, or auth-service's introspection (RFC 7662), at each request, or keep the answer of an
introspection for 10 s. Each is polled every few milliseconds, as the console does; the clock starts as the log-out is sent.
The round whose last refusal is the median of its lane is the one that the console plays.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
import requests
from endpoint import INTROSPECTOR
from processes import granian, running
from testkit.cluster import DEMO_PASSWORD, Cluster, free_ports
from testkit.http_client import HttpClient
from testkit.issuer import FakeIssuer
from testkit.keys import jwk
from testkit.token_signer import TokenSigner
from testkit.user import User

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "gateway/src/gateway/console/static/js/lamps/recorded_lanes.json"
PROCESSES = 3
CACHE_SECONDS = 10.0
POLL_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Lane:
    """A way of checking a session: `log_in` returns the headers of requests, `log_out` ends the session of such headers."""

    id: str
    name: str
    how: str
    path: str
    log_in: Callable[[], dict[str, str]]
    log_out: Callable[[dict[str, str]], None]
    rounds: int
    wait_seconds: float = 0.0  # at most, between the first request and the log-out


def measure(lane: Lane, ports: list[int]) -> dict[str, Any]:
    """Return one round: the milliseconds to the acknowledgement, and to each process's first refusal."""
    headers = lane.log_in()
    accepted = threading.Barrier(len(ports) + 1)
    urls = [f"http://127.0.0.1:{port}{lane.path}" for port in ports]

    def first_refusal(url: str) -> float:
        with requests.Session() as session:
            assert session.get(url, headers=headers, timeout=30).status_code == 200
            accepted.wait(60)
            while session.get(url, headers=headers, timeout=30).status_code == 200:
                time.sleep(POLL_PAUSE_SECONDS)
        return time.perf_counter()

    with ThreadPoolExecutor(len(ports)) as pool:
        refusals = [pool.submit(first_refusal, url) for url in urls]
        accepted.wait(60)
        time.sleep(random.uniform(0.1, 0.1 + lane.wait_seconds))
        begun = time.perf_counter()
        lane.log_out(headers)
        acknowledged = time.perf_counter()
        refused = [each.result() for each in refusals]
    return {
        "acknowledged_ms": round((acknowledged - begun) * 1000, 1),
        "refused_ms": [round((each - begun) * 1000, 1) for each in refused],
    }


def record(lane: Lane, ports: list[int]) -> dict[str, Any]:
    """Return the lane as the console reads it, with the median round."""
    measure(lane, ports)  # warms up
    rounds = sorted(
        (measure(lane, ports) for _ in range(lane.rounds)), key=lambda each: max(each["refused_ms"])
    )
    median, last = rounds[len(rounds) // 2], [max(each["refused_ms"]) for each in rounds]
    print(f"{lane.id}: last refusal after {last[0]} to {last[-1]} ms, median {max(median['refused_ms'])} ms")
    return {
        "id": lane.id,
        "name": lane.name,
        "how": lane.how,
        "rounds": lane.rounds,
        "last_ms": {"least": last[0], "median": max(median["refused_ms"]), "most": last[-1]},
        "acknowledged_ms": median["acknowledged_ms"],
        "processes": [
            {"service": "recorded", "address": f"process {number}", "refused_ms": refused}
            for number, refused in enumerate(median["refused_ms"], 1)
        ],
    }


def lanes(store: redis.Redis, alice: User, client: HttpClient, rounds: int) -> list[Lane]:
    """Return the lanes; a session is a key of the store, or a token of auth-service."""

    def open_session() -> dict[str, str]:
        name = f"{random.getrandbits(64):x}"
        store.set(f"session:{name}", '{"sub": "alice"}')
        return {"Cookie": f"session={name}"}

    def delete_session(headers: dict[str, str]) -> None:
        store.delete("session:" + headers["Cookie"].removeprefix("session="))

    def log_in() -> dict[str, str]:
        return {"Authorization": f"Bearer {alice.log_in()['access_token']}"}

    def log_out(headers: dict[str, str]) -> None:
        assert client("POST", "/logout", headers=headers).status_code == 204

    asks = "Each request asks auth-service whether the token is active (RFC 7662)"
    return [
        Lane("session", "Session in a store", "Each request looks the session up in Redis; the log-out deletes it.",
             "/session", open_session, delete_session, rounds),
        Lane("introspection", "Introspection", f"{asks}.", "/introspection", log_in, log_out, rounds),
        Lane("introspection_cached", "Introspection, kept for 10 s", f"{asks}, and each process keeps the answer for 10 s.",
             "/introspection-cached", log_in, log_out, max(3, rounds // 3), CACHE_SECONDS),
    ]  # fmt: skip


def main() -> None:
    """Measure all lanes and write the file that the console plays."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=15, help="rounds; a third with a cache (default %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the console's)")
    options = parser.parse_args()
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        raise SystemExit("needs Valkey or Redis: apt-get install redis-server")
    signer = TokenSigner(issuer="http://bench.invalid")
    with contextlib.ExitStack() as stack:
        redis_port, *ports = free_ports(PROCESSES + 1)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = [program, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        stack.enter_context(running(server, ("127.0.0.1", redis_port)))
        cluster = stack.enter_context(Cluster({"RATE_LIMITS": "off"}, services=["auth-service"]))
        issuer = stack.enter_context(FakeIssuer(signer.jwks()))
        registered = cluster.cli("auth-service", *INTROSPECTOR.split()).stdout
        environment = {
            "BENCH_ISSUER": signer.issuer,
            "BENCH_JWK": json.dumps(jwk(signer.key.public_key())),
            "BENCH_BACKCHANNEL": issuer.url,
            "BENCH_REDIS_PORT": str(redis_port),
            "BENCH_SECRET": json.loads(registered)["client_secret"],
            "BENCH_INTROSPECTION": f"{cluster.urls['auth-service']}/oauth/introspect",
            "BENCH_CACHE_SECONDS": str(CACHE_SECONDS),
        }
        for port in ports:
            url = f"http://127.0.0.1:{port}/open"
            stack.enter_context(running(granian("endpoint_app:app", port), url, **environment))
        client = stack.enter_context(contextlib.closing(HttpClient(cluster.urls["auth-service"])))
        alice = User(client, "alice@example.com", DEMO_PASSWORD)
        store = stack.enter_context(redis.Redis(port=redis_port))
        recorded = [record(lane, ports) for lane in lanes(store, alice, client, options.rounds)]
    found = {
        "recorded_on": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "made_by": "bench/record_lanes.py",
        "lanes": recorded,
    }
    options.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
