"""The application of docs/how-to/single-page-app, on an origin of its own, in a real Chromium."""

import json
import re
import shlex
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect
from testkit.cluster import free_ports
from testkit.external_programs import install_packages
from testkit.forked_cluster import ForkedCluster

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "single-page-app.md"
FILES = PAGE.with_suffix("")
ORIGIN, ISSUER = "http://localhost:5173", "http://localhost:8080"
GREETING = re.compile("^Hello Alice Example")


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        """Write nothing."""


@pytest.fixture(scope="module")
def origins():
    """Two origins on the loopback interface: the application's, and another one with the same files."""
    return [f"http://127.0.0.1:{port}" for port in free_ports(2)]


@pytest.fixture(scope="module")
def page_cluster(origins):
    with ForkedCluster({"RATE_LIMITS": "off"}, only={"gateway": {"CORS_ORIGINS": origins[0]}}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def registered(page_cluster, origins):
    """The client, registered by the command of the page."""
    command = re.search(r"make auth ARGS='(clients register .*?)'\n", PAGE.read_text(), re.DOTALL)[1]
    words = shlex.split(command.replace("\\\n", " ").replace(ORIGIN, origins[0]))
    return json.loads(page_cluster.cli("auth-service", *words, "--json").stdout)


@pytest.fixture(scope="module")
def urls(page_cluster, registered, origins, tmp_path_factory):
    """The application's address at its own origin and at the other one."""
    folder = install_packages(FILES, tmp_path_factory.mktemp("page"))
    settings = folder / "config.js"
    settings.write_text(settings.read_text().replace(ISSUER, page_cluster.issuer))
    handler = partial(_Files, directory=str(folder))
    servers = [ThreadingHTTPServer(("127.0.0.1", int(url.rpartition(":")[2])), handler) for url in origins]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"{url}/" for url in origins]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_client_of_page_is_public(registered, origins):
    assert (registered["authenticates"], registered["origins"]) == ("none", [origins[0]])


def test_page_logs_in_calls_renews_and_logs_out(open_page, urls, log_in, page_cluster):
    page, requests = open_page(), []
    page.on("request", lambda request: requests.append((request.method, request.url)))
    status = page.get_by_role("status")
    page.goto(urls[0])
    expect(status).to_have_text("You are not logged in.")

    page.get_by_role("button", name="Log in").click()
    log_in(page)
    page.wait_for_url(urls[0])
    expect(status).to_have_text(GREETING)
    page.get_by_role("button", name="Order a stone").click()
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Renew the tokens").click()
    expect(status).to_have_text(re.compile("^Renewed"))
    page.get_by_role("button", name="Order a stone").click()
    expect(page.get_by_role("listitem")).to_have_count(2)
    expect(status).to_have_text(GREETING)

    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{urls[0]}*")
    expect(status).to_have_text("You are not logged in.")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Password")).to_be_visible()
    called = {url.removeprefix(page_cluster.gateway) for _, url in requests}
    assert called > {"/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/products", "/users/me", "/orders"}


def test_token_is_kept_out_of_storage(open_page, urls, log_in):
    page = open_page()
    page.goto(urls[0])
    page.get_by_role("button", name="Log in").click()
    log_in(page)
    expect(page.get_by_role("status")).to_have_text(GREETING)

    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")

    assert stored == '[{},{},""]'


@pytest.mark.parametrize("path", ["/oauth/token", "/users/me", "/orders", "/login"])
def test_other_origin_reads_no_response(open_page, urls, page_cluster, path):
    page = open_page()
    page.goto(urls[1])
    send = """async ([url, method]) => {
        const headers = { Authorization: "Bearer x" };
        const options = method === "GET" ? { headers } : { method, body: new URLSearchParams("client_id=orders-page") };
        return fetch(url, options).then((response) => response.status, (error) => error.name);
    }"""
    method = "POST" if path in {"/oauth/token", "/login"} else "GET"

    assert page.evaluate(send, [page_cluster.gateway + path, method]) == "TypeError"
    expected = [text for text in page.complaints if "CORS policy" in text]
    assert expected
    page.complaints[:] = [text for text in page.complaints if text not in expected]


def test_other_origin_reads_public_documents(open_page, urls, page_cluster):
    page = open_page()
    page.goto(urls[1])
    read = "(url) => fetch(url).then((response) => response.status)"

    for path in ("/products", "/.well-known/openid-configuration", "/.well-known/jwks.json", "/status-lists"):
        assert page.evaluate(read, page_cluster.gateway + path) == 200
