"""The real process: `python -m gateway`."""

import signal
import subprocess
import sys
import time

import pytest
import requests
from gateway.settings import Settings
from pydantic import ValidationError
from testkit.cluster import free_ports


@pytest.fixture
def launch(issuer, tmp_path):
    started = []

    def run(**settings):
        urls = dict.fromkeys(("AUTH_URL", "USERS_URL", "ORDERS_URL", "ISSUER_BACKCHANNEL"), issuer.url)
        environment = {"ISSUER": "http://localhost:8080", **urls, **settings}
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=environment, cwd=tmp_path, stdout=log, stderr=log
        )
        log.close()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def ready(url, process):
    for _ in range(400):
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return True
        except requests.ConnectionError:
            assert process.poll() is None
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_serves_until_signal(launch, tmp_path, number):
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
