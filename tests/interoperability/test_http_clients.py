"""HTTP clients with their defaults: Java's HttpClient and `curl --http2`, which offer an upgrade to h2c; TLS by curl."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster

JAVA = Path(__file__).parent / "java"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def curl():
    """`curl(url, body, *options, token)`: the HTTP version, status and JSON body of a response."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl: apt-get install curl")

    def send(url, body, *options, token=None):
        sent = ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        bearer = [] if token is None else ["-H", f"Authorization: Bearer {token}"]
        out = run("curl", "-sS", *options, *sent, *bearer, "-w", "\n%{http_version} %{http_code}", url)
        text, _, end = out.rpartition("\n")
        return (*end.split(), json.loads(text))

    return send


def log_in_and_order(curl, url, sku, *options):
    """Return the HTTP version and status of a log-in and of an order."""
    credentials = {"email": "alice@example.com", "password": DEMO_PASSWORD}
    *first, answer = curl(f"{url}/login", credentials, *options)
    order = {"items": [{"sku": sku, "quantity": 1}]}
    *second, _ = curl(f"{url}/orders", order, *options, token=answer["access_token"])
    return [*first, *second]


def test_java_logs_in_and_orders(gateway, alice, sku):
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("needs java and javac: apt-get install default-jdk-headless")
    program = str(JAVA / "LogInAndOrder.java")
    assert run("java", program, gateway.url, alice.email, alice.password, sku).split() == ["200", "201"]


def test_curl_with_offered_upgrade_orders(gateway, curl, sku):
    """The offer of h2c is ignored, and the body of the request arrives."""
    assert log_in_and_order(curl, gateway.url, sku, "--http2") == ["1.1", "200", "1.1", "201"]


@pytest.fixture(scope="module")
def tls_gateway(tmp_path_factory):
    """The https URL of a gateway with GATEWAY_TLS_CERT and GATEWAY_TLS_KEY, and the file with its CA."""
    folder, ca = tmp_path_factory.mktemp("tls"), trustme.CA()
    issued, bundle = ca.issue_cert("localhost"), folder / "ca.pem"
    ca.cert_pem.write_to_path(bundle)
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    files = {"GATEWAY_TLS_CERT": str(folder / "cert.pem"), "GATEWAY_TLS_KEY": str(folder / "key.pem")}
    services = ["auth-service", "users-service", "orders-service"]
    with ForkedCluster({"RATE_LIMITS": "off"}, services=services) as cluster:
        cluster.start_service("gateway", wait=False, **files)
        url = f"https://localhost:{cluster.ports['gateway']}"
        ready = ["curl", "-sf", "--cacert", str(bundle), f"{url}/readyz"]
        wait_for(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
        yield url, str(bundle)


@pytest.mark.parametrize(("option", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_over_tls_orders(tls_gateway, curl, sku, option, version):
    """HTTP/2 is chosen by ALPN."""
    url, bundle = tls_gateway
    result = log_in_and_order(curl, url, sku, option, "--cacert", bundle)
    assert result == [version, "200", version, "201"]
