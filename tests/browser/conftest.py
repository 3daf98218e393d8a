"""A real Chromium before the door, a mint that knows a third party, and the programs that people come back to."""

import base64
import hashlib
import os
import secrets
import shutil
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import expect, sync_playwright
from testkit.cluster import DEMO_PASSWORD
from testkit.preloaded import Cluster

NEEDS_CHROMIUM = "needs chromium: apt-get install chromium"
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
PARTNER = """
[clients.partner]
name = "Partner Shop"
confidential = false
first_party = false
grants = ["authorization_code", "refresh_token"]
redirect_uris = ["http://127.0.0.1/callback", "http://[::1]/callback"]
post_logout_redirect_uris = ["http://127.0.0.1/bye"]
audiences = ["orders-service", "users-service"]
scopes = ["openid", "email", "profile", "orders:read", "orders:write"]
"""


@pytest.fixture(scope="package")
def chromium():
    """One Chromium process; each test opens a fresh context in it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip(NEEDS_CHROMIUM)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def house(tmp_path_factory):
    """The mint and the door as processes, at addresses of their own."""
    clients = tmp_path_factory.mktemp("browser") / "clients.toml"
    clients.write_text(PARTNER)
    own = {"auth-service": {"CLIENTS_FILE": str(clients)}}
    with Cluster({"RATE_LIMITS": "off"}, only=own, services=["auth-service", "gateway"]) as cluster:
        yield cluster


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.path)
        if self.server.onward is not None and self.path.startswith("/callback?"):
            self.send_response(302)
            self.send_header("Location", self.server.onward)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b"<!doctype html><title>Arrived</title><h1>Arrived</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.seen = []
        self.onward = None  # where the callback leads on to
        super().__init__((host, 0), _Callback)


@dataclass
class Program:
    """A program with a loopback address: asks for codes with PKCE, and redeems them at the door."""

    house: Cluster
    server: _Server
    client_id: str = "cli"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    @property
    def origin(self):
        host, port = self.server.server_address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def redirect_uri(self):
        return f"{self.origin}/callback"

    def url(self, **changes):
        """Give the address to open for a log-in; None takes a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email orders:read",
            "state": self.state,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        } | changes
        query = {name: value for name, value in query.items() if value is not None}
        return f"{self.house.gateway}/oauth/authorize?{urlencode(query)}"

    def answer(self):
        """Give the parameters that the browser brought last."""
        callbacks = [
            path for path in self.server.seen if path.startswith("/callback?")
        ]  # browsers want icons too
        return dict(parse_qsl(urlsplit(callbacks[-1]).query))

    def redeem(self):
        """Give the answer of the token endpoint for the code that the browser brought."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": self.answer()["code"],
            "code_verifier": self.verifier,
        }
        return requests.post(f"{self.house.gateway}/oauth/token", data=form, timeout=10)

    def refresh(self, token):
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": token}
        return requests.post(f"{self.house.gateway}/oauth/token", data=form, timeout=10)


@pytest.fixture
def make_program(house):
    """`make_program(client_id, host)`: a program that listens on the loopback address."""
    servers = []

    def make(client_id="cli", host="127.0.0.1"):
        try:
            server = _Server(host)
        except OSError:
            pytest.skip("needs IPv6 on the loopback interface: sysctl net.ipv6.conf.lo.disable_ipv6=0")
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return Program(house, server, client_id)

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def program(make_program):
    return make_program()


@pytest.fixture
def partner(make_program):
    return make_program("partner")


@pytest.fixture
def open_page(chromium):
    """`open_page(**options)`: a page in a browser that has never been here; what it complains about fails the test."""
    contexts, complaints = [], []

    def make(**options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.complaints = complaints
        return page

    yield make
    for context in contexts:
        context.close()
    unexpected = [text for text in complaints if "Failed to load resource" not in text]
    assert unexpected == []


@pytest.fixture
def log_in():
    """`log_in(page, …)`: fill in the log-in page and send it."""

    def fill(page, email="alice@example.com", password=DEMO_PASSWORD):
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()

    return fill


@pytest.fixture
def look():
    """`look(page, name)`: keep a picture where SCREENSHOTS says, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")

    def take(page, name):
        if folder:
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    return take
