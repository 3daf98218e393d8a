"""The cost of the gateway, compared with other gateways and with a Flask view that forwards with `requests`.

All have one process and pass requests to the same service (`apps/small_upstream.py`, a uvloop protocol that parses almost
nothing). They are measured in alternation, round by round, so that other load on the machine affects all equally. Ours
runs as with `make run`: revocation, header checks, limits, metrics, its log line. *warm* is one token, *cold* a token
that its cache does not hold in every request. CPU is user and system time of all processes of a gateway per response; it
depends less on the load generator and on other load than rates and latencies do. Quote the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
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
import load_generator  # noqa: E402 - after sys.path
from other_gateways import ENVOY, HAPROXY_JWT, OTHERS  # noqa: E402 - after sys.path
from processes import APPS, granian, running  # noqa: E402 - after sys.path
from report import Promise, table  # noqa: E402 - after sys.path

ISSUER = "http://localhost:8080"
DIRECT, WARM, COLD = "no gateway", "gateway, warm", "gateway, cold"
FLASK = "Flask view, requests"
COLD_TOKENS = 4500  # more than the 4,096 of the verifier's cache, which drops the oldest
TICKS = os.sysconf("SC_CLK_TCK")
Tokens = Sequence[Mapping[str, str]]


class Target(NamedTuple):
    """A server to measure, and the headers of successive requests."""

    port: int
    pid: int
    headers: Tokens


class Case(NamedTuple):
    """A size of responses and a number of connections."""

    size: str
    path: str
    connections: int

    def __str__(self) -> str:
        return f"{self.size}, {self.connections} connections"


SMALL = Case("1 KB", "/orders", 32)
CASES = (
    SMALL,
    SMALL._replace(connections=256),
    Case("256 KB", "/orders/large", 32),
    Case("256 KB", "/orders/large", 256),
)


class Round(NamedTuple):
    """The result of one target in one round. `cpu` is microseconds per response; nan if unknown."""

    rate: float
    cpu: float
    p50: float
    p99: float
    errors: int


Results = dict[tuple[Case, str], list[Round]]


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its running children, from Linux's /proc; nan elsewhere."""
    process = Path(f"/proc/{pid}")
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        children = " ".join(file.read_text() for file in process.glob("task/*/children")).split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu_seconds(int(child)) for child in children)


def measure(target: Target, case: Case, seconds: float) -> Round:
    """Load one target for `seconds`."""
    before = cpu_seconds(target.pid)
    url = f"http://127.0.0.1:{target.port}{case.path}"
    seen = load_generator.run(url, headers=target.headers, connections=case.connections, seconds=seconds)
    cpu = (cpu_seconds(target.pid) - before) / max(seen.answers, 1) * 1e6
    return Round(seen.rate, cpu, seen.percentile(50) * 1e3, seen.percentile(99) * 1e3, seen.errors)


@contextlib.contextmanager
def all_targets(signer: TokenSigner) -> Iterator[dict[str, Target]]:
    """Run everything that is compared; yield the targets by name."""

    def bearer(**claims: object) -> Mapping[str, str]:
        valid = signer.claims(exp=int(time.time()) + 3600, status=7, **claims)
        return {"Authorization": f"Bearer {signer.sign(valid)}"}

    warm = [bearer()]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        issuer = stack.enter_context(FakeIssuer(signer=signer, long_poll=True))
        issuer.open_list()
        pem = signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "issuer.pem").write_bytes(pem)
        (folder / "jwks.json").write_text(json.dumps(signer.jwks()))

        def start(command: list[str], port: int, cwd: Path, **environment: str) -> Target:
            pid = stack.enter_context(running(command, ("127.0.0.1", port), cwd, **environment))
            return Target(port, pid, warm)

        up, ours, flask, *ports = free_ports(3 + len(OTHERS))
        upstream = f"http://127.0.0.1:{up}"
        services = dict.fromkeys(("AUTH_URL", "USERS_URL", "ORDERS_URL"), upstream)
        targets = {
            DIRECT: start([sys.executable, "small_upstream.py", str(up)], up, APPS),
            WARM: start(
                [sys.executable, "-m", "gateway"], ours, folder, ISSUER=ISSUER, ISSUER_BACKCHANNEL=issuer.url,
                GATEWAY_PORT=str(ours), RATE_LIMIT_CLIENT="1000000/minute", **services,
            ),
            FLASK: start(granian("flask_gateway:app", flask), flask, APPS, BENCH_UPSTREAM=upstream),
        }  # fmt: skip
        targets[COLD] = targets[WARM]._replace(headers=[bearer() for _ in range(COLD_TOKENS)])
        for port, (name, other) in zip(ports, OTHERS.items(), strict=True):
            if not other.path:
                print(f"left out: {name}, {other.program} is not installed")
                continue
            command = other.command(folder, PORT=port, UPSTREAM_PORT=up, ISSUER=ISSUER)
            targets[name] = start(command, port, folder)
        yield targets


def ratio(ours: Sequence[Round], other: Sequence[Round], field: str) -> float:
    """Return the median over the rounds of our figure divided by the other's."""
    pairs = zip(ours, other, strict=True)
    return statistics.median(float(getattr(a, field) / getattr(b, field)) for a, b in pairs)


def row(name: str, rounds: Sequence[Round], ours: Sequence[Round]) -> list[object]:
    """Return a row of the table; `ours` are the rounds of the gateway, warm."""
    rate, cpu, p50, p99 = (statistics.median(values) for values in list(zip(*rounds, strict=True))[:4])
    errors = sum(each.errors for each in rounds)
    return [name, round(rate), cpu, p50, p99, errors, ratio(ours, rounds, "rate"), ratio(ours, rounds, "cpu")]


def promises(results: Results) -> Iterator[Promise]:
    """Yield what is promised, as far as the other gateways are installed; without CPU figures, of rates."""

    def promise(other: str, field: str, bound: float) -> Iterator[Promise]:
        if (SMALL, other) in results:
            name = f"gateway, warm: {'p99' if field == 'p99' else 'CPU'} of a 1 KB GET, times {other}"
            yield Promise(name, ratio(results[SMALL, WARM], results[SMALL, other], field), bound)

    yield from promise(ENVOY, "cpu", 1)
    yield from promise(HAPROXY_JWT, "cpu", 1.25)
    yield from promise(FLASK, "cpu", 0.1)
    yield from promise(HAPROXY_JWT, "p99", 2)
    errors = sum(
        each.errors
        for case in CASES
        if case.connections == 256
        for name in (WARM, COLD)
        for each in results[case, name]
    )
    yield Promise("gateway: errors at 256 connections", errors, 0)


def main() -> int:
    """Measure, print, and return 0 only if the promises hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.9, help="of each target in each round")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.2 seconds")
    options = parser.parse_args()
    rounds, seconds = (2, 0.2) if options.quick else (options.rounds, options.seconds)
    signer = TokenSigner(ISSUER)
    results: Results = {}
    with all_targets(signer) as targets:
        for target in targets.values():
            measure(target, SMALL, 0.3)  # warm
        for number, case, (name, target) in itertools.product(range(rounds), CASES, targets.items()):
            if name == DIRECT:
                print(f"round {number + 1} of {rounds}: {case}", file=sys.stderr)
            results.setdefault((case, name), []).append(measure(target, case, seconds))
    for case in CASES:
        rows = [row(name, results[case, name], results[case, WARM]) for name in targets]
        columns = "per second", "CPU us each", "p50 ms", "p99 ms", "errors"
        print(table(rows, (str(case), *columns, f"{WARM}, x rate", "x CPU")), end="\n\n")
    kept = list(promises(results))
    print(*kept, sep="\n")
    return 0 if all(promise.holds for promise in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
