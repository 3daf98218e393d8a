"""What a large download and a log that is not read cost the real process."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from testkit.cluster import free_ports
from testkit.concurrency import wait_for
from testkit.upstream import HttpServer

MIB = 1024 * 1024
SIZE = 64 * MIB  # the promise is about 1 GB, which takes longer and no more memory
MAX_GROWTH = 15 * MIB  # beyond what the process has taken at its start


class Download(HttpServer):
    """A service whose only answer has SIZE bytes."""

    def respond(self, _request):
        return 200, {"Content-Length": str(SIZE)}, (b"a" * MIB for _ in range(SIZE // MIB))


@pytest.fixture
def start(launch, ready):
    """`start(stdout, **settings)`: the process, its URL, and a function that returns its metrics."""

    def run(stdout=None, **settings):
        port, metrics = free_ports(2)
        process = launch(stdout, GATEWAY_PORT=str(port), GATEWAY_METRICS_PORT=str(metrics), **settings)
        ready(f"http://127.0.0.1:{port}/readyz", process)

        def value(name):
            text = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=20).text
            samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
            return next(each.value for each in samples if each.name == name)

        return process, f"http://127.0.0.1:{port}", value

    return run


def peak(process):
    """Return the most memory, in bytes, that the worker of the process has had."""
    worker = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    size = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())
    return int(size[1]) * 1024


def test_download_cut_by_client_logs_no_error(start, tmp_path):
    with Download() as service:
        process, url, _ = start(ORDERS_URL=service.url)
        with requests.get(f"{url}/products", stream=True, timeout=30) as response:
            next(response.iter_content(MIB))
        wait_for(lambda: '"path": "/products"' in (tmp_path / "log").read_text())
        process.terminate()
        process.wait(20)

    assert '"level": "error"' not in (tmp_path / "log").read_text()


def test_large_download_takes_little_memory(start):
    with Download() as service:
        process, url, _ = start(ORDERS_URL=service.url)
        before = peak(process)
        with requests.get(f"{url}/products", stream=True, timeout=30) as response:
            size = sum(map(len, response.iter_content(MIB)))

    assert size == SIZE
    assert peak(process) - before < MAX_GROWTH


def test_slow_reader_takes_little_memory(start):
    """Clients that read nothing, and others that are served meanwhile."""
    with Download() as service:
        process, url, _ = start(ORDERS_URL=service.url)
        before = peak(process)
        slow = [requests.get(f"{url}/products", stream=True, timeout=30) for _ in range(30)]
        assert requests.get(f"{url}/livez", timeout=20).status_code == 200
        for response in slow:
            response.close()

    assert peak(process) - before < len(slow) * 2 * MIB


def test_log_not_read_stops_no_request(start):
    process, url, value = start(subprocess.PIPE)
    before, path, count = peak(process), "/" + "a" * 8000, 0
    with requests.Session() as session:
        while value("log_lines_dropped_total") == 0:
            for _ in range(200):
                count += 1
                assert session.get(url + path, timeout=20).status_code == 404
    dropped = value("log_lines_dropped_total")

    with process.stdout:
        lines = [json.loads(process.stdout.readline()) for _ in range(int(count - dropped))]
    assert {line["path"] for line in lines} == {path}
    assert peak(process) - before < 3 * MAX_GROWTH
