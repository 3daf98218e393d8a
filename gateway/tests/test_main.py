"""The real process: `python -m gateway`."""

import contextlib
import queue
import signal
import threading

import pytest
import requests
from gateway.settings import Settings
from pydantic import ValidationError
from service_kit.settings import load
from testkit.cluster import free_ports
from testkit.upstream import HttpServer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_serves_until_signal(launch, ready, tmp_path, number):
    port, metrics = free_ports(2)
    process = launch(GATEWAY_PORT=str(port), GATEWAY_METRICS_PORT=str(metrics))
    url = f"http://127.0.0.1:{port}"

    assert ready(f"{url}/readyz", process)
    requests.get(f"{url}/nowhere?password=secret", timeout=5)
    counted = requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=5).text
    process.send_signal(number)

    assert process.wait(15) == 0
    assert 'route="unmatched",status="404"' in counted
    assert 'touchstone_document_version{document="jwks"} 1.0' in counted
    said = (tmp_path / "log").read_text()
    assert '"path": "/nowhere"' in said
    assert "secret" not in said


def test_invalid_setting_is_named(launch, tmp_path):
    process = launch(GATEWAY_PORT="http", RATE_LIMIT_LOGIN="often")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "GATEWAY_PORT" in said
    assert "RATE_LIMIT_LOGIN" in said
    assert "Traceback" not in said


BROKEN = """
[upstreams.inventory-service]
settings = "INVENTORY"
port = 8084

[[routes]]
path = "/orders"
methods = ["GET"]
upstream = "inventory-service"

[[routes]]
path = "/parts"
methods = ["GET"]
upstream = "stock"
"""


def test_faults_of_routes_are_named_with_others(launch, tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN)
    process = launch(GATEWAY_PORT="http", ROUTES_FILE="more.toml")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "  ROUTES_FILE: more.toml: /orders: routes.toml: /orders is a row for GET, HEAD already\n" in said
    assert "  ROUTES_FILE: more.toml: /parts: upstream: there is none of the name stock\n" in said
    assert "GATEWAY_PORT" in said
    assert "Traceback" not in said


def test_address_of_added_upstream_is_checked(launch, tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])
    process = launch(INVENTORY_URL="ftp://x", INVENTORY_PORT="0", ROUTES_FILE="more.toml")

    assert process.wait(20) == 2
    said = (tmp_path / "log").read_text()
    assert "INVENTORY_URL" in said
    assert "INVENTORY_PORT" in said


def test_address_of_upstream_is_its_url_or_port(tmp_path):
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])

    urls = [
        Settings.read(routes_file=tmp_path / "more.toml", **given).urls()["inventory-service"]
        for given in ({}, {"inventory_port": 9000}, {"inventory_port": 9000, "inventory_url": "http://i:1/"})
    ]

    assert urls == ["http://127.0.0.1:8084", "http://127.0.0.1:9000", "http://i:1"]


def test_settings_of_upstreams_may_be_secret_files(tmp_path):
    (tmp_path / "routes_file").write_text(str(tmp_path / "more.toml"))
    (tmp_path / "inventory_url").write_text("http://inventory")
    (tmp_path / "more.toml").write_text(BROKEN.partition("[[routes]]")[0])

    assert load(Settings.read, secrets_dir=tmp_path).urls()["inventory-service"] == "http://inventory"


class Events(HttpServer):
    """A service whose answer to /events is a stream of server-sent events, each sent when a test adds it to `queue`.

    Its answer to any other path never comes. `begun` is set with the first event, `ended` when the caller has gone.
    """

    def __init__(self):
        self.queue = queue.Queue()
        self.begun, self.ended, self.closing = threading.Event(), threading.Event(), threading.Event()
        super().__init__()

    def respond(self, request):
        if request.path != "/events":
            self.closing.wait(20)
            return 200, {"Content-Length": "0"}, []
        return 200, {"Content-Type": "text/event-stream", "Connection": "close"}, self.events()

    def events(self):
        try:
            while not self.closing.is_set():
                with contextlib.suppress(queue.Empty):
                    yield self.queue.get(timeout=0.05)
                    self.begun.set()
        finally:
            self.ended.set()

    def close(self):
        self.closing.set()
        super().close()


EVENTS = """
[[routes]]
path = "/events"
methods = ["GET"]
upstream = "orders-service"
kind = "stream"
timeout = 0.5
idle_timeout = 1.5

[[routes]]
path = "/slow"
methods = ["GET"]
upstream = "orders-service"
timeout = 0.5
"""


@pytest.fixture
def streaming(launch, ready, tmp_path):
    """The URL of a gateway with the routes above, and the service behind them."""
    (tmp_path / "more.toml").write_text(EVENTS)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with Events() as service:
        process = launch(GATEWAY_PORT=str(port), ROUTES_FILE="more.toml", ORDERS_URL=service.url)
        assert ready(f"{url}/readyz", process)
        yield url, service


def test_stream_outlasts_timeout_of_answers(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        parts = response.iter_content(None)
        got = [next(parts)]
        for number in (b"1", b"2", b"3"):
            late = requests.get(f"{url}/slow", timeout=10).status_code  # comes after the same timeout
            service.queue.put(b"data: %b\n\n" % number)
            got.append(next(parts))

    assert (response.headers["Content-Type"], late) == ("text/event-stream", 504)
    assert got == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]


def test_stream_idle_too_long_is_cut(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        parts = response.iter_content(None)

        assert next(parts) == b"data: 0\n\n"
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
            next(parts)


def test_stream_client_gone_ends_the_call(streaming):
    url, service = streaming
    service.queue.put(b"data: 0\n\n")
    with requests.get(f"{url}/events", stream=True, timeout=10) as response:
        next(response.iter_content(None))
    for _ in range(200):
        service.queue.put(b"data: more\n\n")
        if service.ended.wait(0.05):
            break

    assert service.ended.is_set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_limit_client", "x"),
        ("rate_limit_client", "0/minute"),
        ("rate_limit_account", "1000001/minute"),
        ("valkey_url", "carrier-pigeon://"),
        ("valkey_url", "valkey://host?unknown=1"),
        ("gateway_metrics_port", 0),
    ],
)
def test_settings_are_validated(name, value):
    with pytest.raises(ValidationError):
        Settings(**{name: value})
