"""What a guard costs on a real endpoint: touchstone (warm), and on every request PyJWT, a Redis session, introspection.

One granian process serves one Flask app, and another the mint that is asked; the ways are measured in turn, round by
round, so that the machine's moods hit them alike. Quote the ratios. Then the real services, see services.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import socket
import statistics
import sys
import tempfile
from pathlib import Path

import load_generator
import services
from processes import running
from report import Promise, table
from testkit.cluster import DEMO_PASSWORD, Cluster, free_ports
from testkit.http_client import HttpClient
from testkit.issuer import FakeIssuer
from testkit.keys import jwk
from testkit.token_signer import TokenSigner
from testkit.user import User

INTROSPECTOR = (
    "clients",
    "register",
    "bench",
    "--confidential",
    "--secret",
    "--json",
    "--serves",
    "orders-service",
)


def granian(app: str, port: int) -> list[str]:
    """Return the command line that serves a WSGI app with eight threads."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--workers", "1", "--blocking-threads", "8", app]


def measure(rounds: int, seconds: float) -> dict[str, list[load_generator.Load]]:
    """Return the runs of each way, in the order they were made."""
    mint = TokenSigner(issuer="http://bench.invalid")
    token = mint.sign(mint.claims(aud="bench", scope="orders:read"))
    ways: dict[str, dict[str, str]] = {
        "open": {},
        "touchstone": {"Authorization": f"Bearer {token}"},
        "pyjwt": {"Authorization": f"Bearer {token}"},
    }
    with contextlib.ExitStack() as stack:
        environment = {"BENCH_ISSUER": mint.issuer, "BENCH_JWK": json.dumps(jwk(mint.key.public_key()))}
        issuer = stack.enter_context(FakeIssuer(mint.jwks()))
        environment["BENCH_BACKCHANNEL"] = issuer.url
        store = shutil.which("valkey-server") or shutil.which("redis-server")
        if store:
            (redis_port,) = free_ports(1)
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
            stack.enter_context(running([store, *options], ("127.0.0.1", redis_port)))
            with socket.create_connection(("127.0.0.1", redis_port)) as client:
                client.sendall(b'SET session:abc "{\\"sub\\": \\"alice\\"}"\r\n')
                client.recv(64)
            environment["BENCH_REDIS_PORT"] = str(redis_port)
            ways["session"] = {"Cookie": "session=abc"}
        else:
            print("no valkey-server or redis-server found (apt-get install redis-server): no session figure")
        house = stack.enter_context(Cluster({"RATE_LIMITS": "off"}, services=["auth-service"]))
        made = house.cli("auth-service", *INTROSPECTOR).stdout
        environment["BENCH_SECRET"] = json.loads(made)["client_secret"]
        environment["BENCH_INTROSPECTION"] = f"{house.urls['auth-service']}/oauth/introspect"
        with contextlib.closing(HttpClient(house.urls["auth-service"])) as door:
            alice = User(door, "alice@example.com", DEMO_PASSWORD)
            ways["introspection"] = {"Authorization": f"Bearer {alice.token}"}
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        stack.enter_context(running(granian("endpoint_app:app", port), f"{url}/open", **environment))
        results: dict[str, list[load_generator.Load]] = {way: [] for way in ways}
        for number in range(-1, rounds):
            print(f"round {number + 1} of {rounds}" if number >= 0 else "warming up", file=sys.stderr)
            for way, headers in ways.items():
                run = load_generator.run(f"{url}/{way}", headers=headers, seconds=seconds)
                if run.errors or not run.answers:
                    raise SystemExit(f"/{way}: {run.errors} of {run.errors + run.answers} requests failed")
                if number >= 0:
                    results[way].append(run)
        return results


def main() -> int:
    """Measure, print, and return 0 only if the promises hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds of every way (default %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="seconds of each run (default %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    results = measure(options.rounds, options.seconds)

    def ratio(way: str, to: str) -> float:
        pairs = zip(results[way], results[to], strict=True)
        return statistics.median(a.rate / b.rate for a, b in pairs)

    rows = [
        [way, round(statistics.median(r.rate for r in runs)), ratio(way, "open"),
         1000 * statistics.median(r.percentile(50) for r in runs),
         1000 * statistics.median(r.percentile(99) for r in runs)]
        for way, runs in results.items()
    ]  # fmt: skip
    print(table(rows, ["guard", "requests/s", "times open", "p50 ms", "p99 ms"]))
    promises = [
        Promise("warm authenticated endpoint, times the open one", ratio("touchstone", "open"), 0.90, ">="),
        Promise("times introspection", ratio("touchstone", "introspection"), 7.0, ">="),
    ]
    if "session" in results:
        promises.append(Promise("times a Redis session look-up", ratio("touchstone", "session"), 2.0, ">="))
    print()
    promises += services.measure(options.rounds, options.seconds)
    print(*promises, sep="\n")
    if options.json:
        figures = {
            str(row[0]): dict(zip(("rate", "ratio", "p50_ms", "p99_ms"), row[1:], strict=True))
            for row in rows
        }
        options.json.write_text(json.dumps(figures, indent=2))
    return 0 if all(p.holds for p in promises) else 1


if __name__ == "__main__":
    raise SystemExit(main())
