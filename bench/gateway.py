"""The cost of the gateway: a 1 KB GET directly, through the gateway, through Flask views, and through other proxies.

One process each, in front of the same service, measured in alternation, round by round, so that other load on the machine
affects all equally. The gateway runs as with `make run`: all its steps, including the token check, and its log. The Flask
views only forward. CPU is that of the proxy's processes, so it does not depend on the load generator or on other load. The
promise is about CPU where it can be read (Linux), else about the rate. Quote the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
# Without this folder, as this file has the name of the package.
sys.path = [path for path in sys.path if Path(path or ".").resolve() != HERE]
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402 - after sys.path
from testkit.cluster import free_ports  # noqa: E402 - after sys.path
from testkit.issuer import FakeIssuer  # noqa: E402 - after sys.path
from testkit.token_signer import TokenSigner  # noqa: E402 - after sys.path

sys.path.append(str(HERE))
import json  # noqa: E402 - after sys.path

import load_generator  # noqa: E402 - after sys.path
from processes import APPS, granian, running  # noqa: E402 - after sys.path
from reference_proxies import KNOWN, Place, installed  # noqa: E402 - after sys.path
from report import Promise, table  # noqa: E402 - after sys.path

ISSUER = "http://localhost:8080"
GATEWAY, TUTORIAL, SESSION = "gateway", "Flask view, requests", "Flask view, requests.Session"
TICKS = os.sysconf("SC_CLK_TCK")


class Target(NamedTuple):
    """A server to measure; `pid` is 0 if its CPU is not measured."""

    port: int
    pid: int


class Round(NamedTuple):
    """The result of one target in one round."""

    per_second: float
    cpu_us: float  # per request, of the proxy; nan if unknown


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its running children, from Linux's /proc; nan elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu_seconds(int(child)) for child in children)


def measure(target: Target, token: str, connections: int, seconds: float) -> Round:
    """Load one target for `seconds`."""
    before = cpu_seconds(target.pid)
    url, headers = f"http://127.0.0.1:{target.port}/orders", {"Authorization": f"Bearer {token}"}
    seen = load_generator.run(url, headers=headers, connections=connections, seconds=seconds)
    if seen.errors or not seen.answers:
        raise SystemExit(f"{url}: {seen.errors} of {seen.errors + seen.answers} requests failed")
    cpu = cpu_seconds(target.pid) - before if target.pid else float("nan")
    return Round(seen.rate, cpu / seen.answers * 1e6)


def ratio(rounds: dict[str, list[Round]], one: str, other: str, field: str) -> float:
    """Return the median over the rounds of one target's figure divided by the other's."""
    pairs = zip(rounds[one], rounds[other], strict=True)
    return statistics.median(float(getattr(a, field) / getattr(b, field)) for a, b in pairs)


@contextlib.contextmanager
def all_targets(signer: TokenSigner) -> Iterator[dict[str, Target]]:
    """Run everything that is compared; yield the targets by name."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        issuer = stack.enter_context(FakeIssuer(signer=signer, long_poll=True))
        issuer.open_list()
        pem = folder / "issuer.pem"
        pem.write_bytes(signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

        def start(command: list[str], port: int, cwd: Path, **environment: str) -> Target:
            pid = stack.enter_context(running(command, ("127.0.0.1", port), cwd, **environment))
            return Target(port, pid)

        up, entry, tutorial, session, *others = free_ports(4 + len(KNOWN))
        upstream = f"http://127.0.0.1:{up}"
        service = start([sys.executable, "small_upstream.py", str(up)], up, APPS)
        services = dict.fromkeys(("AUTH_URL", "USERS_URL", "ORDERS_URL"), upstream)
        targets = {
            "direct": Target(service.port, 0),
            GATEWAY: start(
                [sys.executable, "-m", "gateway"], entry, folder, ISSUER=ISSUER, ISSUER_BACKCHANNEL=issuer.url,
                GATEWAY_PORT=str(entry), RATE_LIMIT_CLIENT="1000000000/minute", **services,
            ),
            TUTORIAL: start(granian("flask_gateway:app", tutorial), tutorial, APPS, BENCH_UPSTREAM=upstream),
            SESSION: start(granian("flask_gateway:app", session), session, APPS, BENCH_UPSTREAM=upstream, BENCH_SESSION="1"),
        }  # fmt: skip
        for port, (name, (program, command)) in zip(others, KNOWN.items(), strict=True):
            if not installed(program):
                print(f"skipped: {name}, {program} is not installed")
                continue
            place = Place(port, up, folder, pem, json.dumps(signer.jwks()), ISSUER)
            targets[name] = start(command(place), port, folder)
        yield targets


def main() -> int:
    """Measure, print, and return 0 only if the promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument(
        "--seconds", type=float, default=0.9, help="of each target in each round (default 0.9)"
    )
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    signer = TokenSigner(ISSUER)
    token = signer.sign(signer.claims(exp=int(time.time()) + 3600, status=7))
    with all_targets(signer) as targets:
        for target in targets.values():
            measure(target, token, 4, 0.3)  # warm
        rounds: dict[str, list[Round]] = {name: [] for name in targets}
        for _ in range(options.rounds):
            for name, target in targets.items():
                rounds[name].append(measure(target, token, options.connections, options.seconds))
    rows = [
        (
            name,
            round(statistics.median(seen.per_second for seen in seens)),
            statistics.median(seen.cpu_us for seen in seens),
            ratio(rounds, name, TUTORIAL, "per_second"),
            ratio(rounds, TUTORIAL, name, "cpu_us"),
        )
        for name, seens in rounds.items()
    ]
    print(table(rows, ("1 KB GET", "per second", "CPU us each", "x Flask view, rate", "x Flask view, CPU")))
    for other in (SESSION, *(name for name in KNOWN if name in rounds)):
        rate, cpu = ratio(rounds, GATEWAY, other, "per_second"), ratio(rounds, other, GATEWAY, "cpu_us")
        print(f"      gateway, times {other}: {rate:.3g} in responses per second, {cpu:.3g} in CPU")
    measured = "per_second" if math.isnan(rounds[GATEWAY][0].cpu_us) else "cpu_us"
    pair = (GATEWAY, TUTORIAL) if measured == "per_second" else (TUTORIAL, GATEWAY)
    promise = Promise("gateway, times a Flask view with requests", ratio(rounds, *pair, measured), 10, ">=")
    print(promise)
    return 0 if promise.holds else 1


if __name__ == "__main__":
    sys.exit(main())
