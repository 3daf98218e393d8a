"""What the gateway costs: a 1 KB GET directly, through the gateway with its token check, and through a Flask view.

One process each, on one machine, measured in turn, round by round, so that the machine's moods hit them alike. The
Flask view is what most teams write first: `requests.Session`, headers copied, no token check, served by granian. nginx,
HAProxy and Envoy join in when they are on PATH. Quote the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

UPSTREAM = """
BODY = b"x" * 1024
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "1024")])
    return [BODY]
"""
VIEW = """
import os, requests
from flask import Flask, Response, request
app, session, upstream = Flask(__name__), requests.Session(), os.environ["UPSTREAM"]
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade", "host"}
@app.route("/<path:path>", methods=["GET", "POST", "PATCH", "DELETE"])
def forward(path):
    headers = {k: v for k, v in request.headers if k.lower() not in HOP}
    answer = session.request(
        request.method, f"{upstream}/{path}", params=request.args, headers=headers, data=request.get_data(),
        allow_redirects=False, timeout=(1, 5),
    )
    kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in HOP]
    return Response(answer.content, answer.status_code, kept)
"""
NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
upstream up {{ server 127.0.0.1:{up}; keepalive 64; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""
HAPROXY = """global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:{port}
  default_backend up
backend up
  server up 127.0.0.1:{up}
"""
ENVOY = {"filter": "envoy.filters.network.http_connection_manager", "router": "envoy.filters.http.router"}


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[None]:
    """Run a server until the block ends; enter the block when it accepts connections."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
        if name in os.environ
    }
    process = subprocess.Popen(
        command, cwd=folder, env=kept | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            if process.poll() is not None:
                raise SystemExit(f"ended early: {' '.join(command)}")
            time.sleep(0.05)
        else:
            raise SystemExit(f"never answered: {' '.join(command)}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def granian(module: str, port: int, threads: int) -> list[str]:
    """Return the command line that serves a WSGI app as our services are served."""
    words = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "error"]
    return [
        *words,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--blocking-threads",
        str(threads),
        f"{module}:app",
    ]


def envoy_config(port: int, up: int) -> str:
    """Return a plain proxy's configuration; YAML takes JSON as it is."""
    address = {"address": "127.0.0.1", "port_value": port}
    upstream = {"address": "127.0.0.1", "port_value": up}
    http = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": ENVOY["router"],
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
    }
    cluster = {
        "name": "up",
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "up",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": upstream}}}]}],
        },
    }
    chain = {"filters": [{"name": ENVOY["filter"], "typed_config": http}]}
    listener = {"name": "in", "address": {"socket_address": address}, "filter_chains": [chain]}
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}})


def foreign(up: int, folder: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Yield name, port and command line of the proxies that are installed; say which are not."""
    if shutil.which("nginx"):
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, up=up))
        yield "nginx", port, ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    if shutil.which("haproxy"):
        port = free_port()
        (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port, up=up))
        yield "haproxy", port, ["haproxy", "-f", str(folder / "haproxy.cfg")]
    if shutil.which("envoy"):
        port = free_port()
        (folder / "envoy.yaml").write_text(envoy_config(port, up))
        yield "envoy", port, ["envoy", "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "-l", "off"]
    for name in ("nginx", "haproxy", "envoy"):
        if not shutil.which(name):
            print(f"skipped: {name} is not on PATH")


def with_wrk(url: str, token: str, connections: int, seconds: float) -> float:
    """Return good answers per second, by wrk."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "-H",
        f"Authorization: Bearer {token}",
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if bad:
        raise SystemExit(f"{url} answered {bad[1]} requests with an error")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found else 0.0


def with_own(url: str, token: str, connections: int, seconds: float) -> float:
    """Return good answers per second, by the load generator of this folder."""
    import load

    seen = load.run(
        url, headers={"Authorization": f"Bearer {token}"}, connections=connections, seconds=seconds
    )
    if seen.errors:
        raise SystemExit(f"{url} answered {seen.errors} requests with an error")
    return seen.rate


def measure(targets: dict[str, str], rounds: int, load: Callable[[str], float]) -> dict[str, list[float]]:
    """Measure every target once a round."""
    rates: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, url in targets.items():
            rates[name].append(load(url))
    return rates


def ratio(rates: dict[str, list[float]], one: str, other: str) -> float:
    """Return the median over the rounds of how many times as fast one was as the other."""
    return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


def main() -> int:
    """Run the bench; the exit status says whether the promise holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each target in each round (default 2)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--no-wrk", action="store_true", help="use this folder's own load generator")
    options = parser.parse_args()
    own = (
        sys.path.pop(0) if sys.path[0] == str(Path(__file__).parent) else None
    )  # this file is called like the package
    from testkit.issuer import FakeIssuer
    from testkit.mint import Mint

    if own:
        sys.path.insert(0, own)
    from report import Promise, table

    use_wrk = shutil.which("wrk") is not None and not options.no_wrk
    print("load:", "wrk" if use_wrk else "the generator of bench/load.py (wrk is faster, if installed)")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        (folder / "bench_upstream.py").write_text(UPSTREAM)
        (folder / "bench_view.py").write_text(VIEW)
        mint = Mint("http://localhost:8080")
        issuer = stack.enter_context(FakeIssuer(mint.jwks()))
        up, door, view = free_port(), free_port(), free_port()
        upstream = f"http://127.0.0.1:{up}"
        stack.enter_context(running(granian("bench_upstream", up, 4), up, folder))
        settings = {
            "ISSUER": "http://localhost:8080", "ISSUER_BACKCHANNEL": issuer.url, "AUTH_URL": upstream,
            "USERS_URL": upstream, "ORDERS_URL": upstream, "GATEWAY_PORT": str(door), "LOG_LEVEL": "WARNING",
            "RATE_LIMIT_CLIENT": "1000000000/minute",
        }  # fmt: skip
        stack.enter_context(running([sys.executable, "-m", "gateway"], door, folder, **settings))
        stack.enter_context(running(granian("bench_view", view, 8), view, folder, UPSTREAM=upstream))
        targets = {
            "direct": upstream,
            "gateway": f"http://127.0.0.1:{door}",
            "Flask view": f"http://127.0.0.1:{view}",
        }
        for name, port, command in foreign(up, folder):
            stack.enter_context(running(command, port, folder))
            targets[name] = f"http://127.0.0.1:{port}"
        token = mint.sign(mint.claims(exp=int(time.time()) + 3600))
        generate = with_wrk if use_wrk else with_own
        for url in targets.values():
            generate(f"{url}/orders", token, 4, 1)  # warm
        rates = measure(
            {name: f"{url}/orders" for name, url in targets.items()},
            options.rounds,
            lambda url: generate(url, token, options.connections, options.seconds),
        )
    rows = [
        (name, round(statistics.median(seen)), ratio(rates, name, "direct"), ratio(rates, name, "Flask view"))
        for name, seen in rates.items()
    ]
    print(table(rows, ("1 KB GET", "per second", "x direct", "x Flask view")))
    promise = Promise(
        "gateway with its token check, x a Flask view with requests",
        ratio(rates, "gateway", "Flask view"),
        10,
        ">=",
    )
    print(promise)
    return 0 if promise.holds else 1


if __name__ == "__main__":
    sys.exit(main())
