"""A real Chromium at the gateway, and apps that send it there."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

import pytest
from playwright.sync_api import expect, sync_playwright
from testkit.cluster import DEMO_PASSWORD
from testkit.forked_cluster import ForkedCluster
from testkit.oauth_clients import NativeApp, parameters_of
from testkit.upstream import Answer, FakeUpstream

NEEDS_CHROMIUM = "needs chromium: apt-get install chromium"
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)
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

[clients.phone]
name = "Phone"
confidential = false
first_party = true
grants = ["authorization_code"]
redirect_uris = ["com.example.app:/callback"]
audiences = ["orders-service"]
scopes = ["openid", "orders:read"]
"""


@pytest.fixture(scope="package")
def chromium():
    """One Chromium process; each test opens a new context in it."""
    # The shell is Debian's Chromium without its window, which takes half of the CPU.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        pytest.skip(NEEDS_CHROMIUM)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def auth_cluster(tmp_path_factory):
    """auth-service, which knows the clients `partner` and `phone`, and the gateway."""
    clients = tmp_path_factory.mktemp("browser") / "clients.toml"
    clients.write_text(PARTNER)
    own = {"auth-service": {"REGISTRY_FILE": str(clients)}}
    services = ["auth-service", "gateway"]
    with ForkedCluster({"RATE_LIMITS": "off"}, only=own, services=services) as cluster:
        yield cluster


class CallbackServer(FakeUpstream):
    """The loopback server of an app. Its callback redirects to `onward`, if that is set."""

    onward = None

    def answer(self, request):
        self.received.append(request)
        if self.onward is not None and request.path.startswith("/callback?"):
            return Answer(302, b"", {"Location": self.onward})
        body = b"<!doctype html><title>Arrived</title><h1>Arrived</h1>"
        return Answer(200, body, {"Content-Type": "text/html"})


@dataclass
class LoopbackApp(NativeApp):
    """An app that receives its authorization responses at a loopback address (RFC 8252 section 7.3)."""

    callback: CallbackServer | None = None
    state: str = field(default_factory=lambda: token_urlsafe(8))

    @property
    def origin(self):
        return self.callback.url

    def authorization_url(self, **changes):
        """Return the URL of an authorization request; None leaves a parameter out."""
        own = {"state": self.state, "scope": "openid email orders:read"}
        return super().authorization_url(**{**own, **changes})

    def response(self):
        """Return the parameters of the last authorization response."""
        paths = [each.path for each in self.callback.received]
        return parameters_of([path for path in paths if path.startswith("/callback?")][-1])

    def redeem_response(self):
        """Return the token endpoint's answer for the code of the last response."""
        return self.redeem(self.response()["code"])


@pytest.fixture
def make_app(auth_cluster, client_at):
    """`make_app(client_id, host)`: an app that listens on the loopback address."""
    servers = []

    def make(client_id="cli", host="127.0.0.1"):
        try:
            server = CallbackServer(host=host)
        except OSError:
            pytest.skip("needs IPv6 on the loopback interface: sysctl net.ipv6.conf.lo.disable_ipv6=0")
        servers.append(server)
        gateway = client_at(auth_cluster.gateway)
        return LoopbackApp(gateway, None, client_id, f"{server.url}/callback", callback=server)

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def partner(make_app):
    return make_app("partner")


@pytest.fixture
def open_page(chromium):
    """`open_page(**options)`: a page in a new browser context; errors in its console fail the test."""
    contexts, complaints = [], []

    def make(**options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None,
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
    """`log_in(page, …)`: fill in the log-in page and submit it."""

    def fill(page, email="alice@example.com", password=DEMO_PASSWORD):
        page.get_by_label("Email address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()

    return fill


@pytest.fixture
def screenshot():
    """`screenshot(page, name)`: save a picture in the folder SCREENSHOTS, by default var/screenshots."""
    folder = os.environ.get("SCREENSHOTS") or Path(__file__).parents[2] / "var" / "screenshots"

    def take(page, name):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    return take


@pytest.fixture
def check_page(screenshot):
    """`check_page(page, name)`: a page without script and inline style fits the window, and its texts have contrast."""

    def check(page, name):
        expect(page.locator("script, [onclick], [style]")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth") is True
        assert low_contrast(page) == []
        screenshot(page, name)

    return check


def low_contrast(page):
    """Return the texts whose contrast with their background is below 4.5 (WCAG 2.2, 1.4.3)."""
    return page.evaluate(
        """() => {
          const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
          return [...document.querySelectorAll("main *")].filter((e) =>
            [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
              const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
              return [e.textContent.trim(), (a + 0.05) / (b + 0.05)]; }).filter(([, ratio]) => ratio < 4.5); }"""
    )
