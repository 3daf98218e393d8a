"""The cost of a guard on an endpoint: touchstone (warm), PyJWT, a Redis session and introspection on every request.

One granian process serves a Flask app, another one auth-service; the guards are measured in alternation, round by round,
so that other load on the machine affects all equally. Quote the ratios. Then the real services, see services.py.
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
from processes import granian, running
from report import Promise, table
from testkit.cluster import DEMO_PASSWORD, Cluster, free_ports
from testkit.http_client import HttpClient
from testkit.issuer import FakeIssuer
from testkit.keys import jwk
from testkit.token_signer import TokenSigner
from testkit.user import User

INTROSPECTOR = "clients register bench --confidential --secret --json --serves orders-service"


def measure(rounds: int, seconds: float) -> dict[str, list[load_generator.Load]]:
    """Return the runs of each guard, in order."""
    signer = TokenSigner(issuer="http://bench.invalid")
    token = signer.sign(signer.claims(aud="bench", scope="orders:read"))
    guards: dict[str, dict[str, str]] = {
        "open": {},
        "touchstone": {"Authorization": f"Bearer {token}"},
        "pyjwt": {"Authorization": f"Bearer {token}"},
    }
    with contextlib.ExitStack() as stack:
        environment = {"BENCH_ISSUER": signer.issuer, "BENCH_JWK": json.dumps(jwk(signer.key.public_key()))}
        issuer = stack.enter_context(FakeIssuer(signer.jwks()))
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
            guards["session"] = {"Cookie": "session=abc"}
        else:
            print("no valkey-server or redis-server found (apt-get install redis-server): no session figure")
        cluster = stack.enter_context(Cluster({"RATE_LIMITS": "off"}, services=["auth-service"]))
        registered = cluster.cli("auth-service", *INTROSPECTOR.split()).stdout
        environment["BENCH_SECRET"] = json.loads(registered)["client_secret"]
        environment["BENCH_INTROSPECTION"] = f"{cluster.urls['auth-service']}/oauth/introspect"
        with contextlib.closing(HttpClient(cluster.urls["auth-service"])) as client:
            alice = User(client, "alice@example.com", DEMO_PASSWORD)
            guards["introspection"] = {"Authorization": f"Bearer {alice.token}"}
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        stack.enter_context(running(granian("endpoint_app:app", port), f"{url}/open", **environment))
        results: dict[str, list[load_generator.Load]] = {guard: [] for guard in guards}
        for number in range(-1, rounds):
            print(f"round {number + 1} of {rounds}" if number >= 0 else "warming up", file=sys.stderr)
            for guard, headers in guards.items():
                run = load_generator.run(f"{url}/{guard}", headers=headers, seconds=seconds)
                if run.errors or not run.answers:
                    raise SystemExit(f"/{guard}: {run.errors} of {run.errors + run.answers} requests failed")
                if number >= 0:
                    results[guard].append(run)
        return results


def main() -> int:
    """Measure, print, and return 0 only if the promises hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="seconds of each run (default %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="1 round of 0.3 seconds")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.3
    results = measure(options.rounds, options.seconds)

    def ratio(guard: str, to: str) -> float:
        pairs = zip(results[guard], results[to], strict=True)
        return statistics.median(a.rate / b.rate for a, b in pairs)

    rows = [
        [guard, round(statistics.median(r.rate for r in runs)), ratio(guard, "open"),
         1000 * statistics.median(r.percentile(50) for r in runs),
         1000 * statistics.median(r.percentile(99) for r in runs)]
        for guard, runs in results.items()
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
