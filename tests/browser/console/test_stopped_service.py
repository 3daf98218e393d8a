"""A cluster of `make run` in Chromium: the console stops auth-service and starts it again."""

import os
import re
import signal
import subprocess
import sys

import pytest
from playwright.sync_api import expect
from testkit.cluster import SERVICES, free_ports

from tests.tools.checkout import make_checkout

KEPT = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


@pytest.fixture
def address(tmp_path):
    """The address of a console whose cluster tools/run.py has started."""
    make_checkout(tmp_path)
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    settings = {SERVICES[name].port_setting: str(port) for name, port in ports.items()}
    with subprocess.Popen(
        [sys.executable, "tools/run.py"],
        cwd=tmp_path,
        env=KEPT | settings,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert any("Ctrl-C stops all" in line for line in process.stdout)
            yield f"http://localhost:{ports['gateway']}"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def test_stopped_service_leaves_the_other_lamps_lit(address, open_page, log_in, screenshot):
    """Also a log-out waits for auth-service, and says so."""
    page = open_page()
    page.goto(f"{address}/bff/login?next=/%23log-out")
    log_in(page)
    own = page.locator(".stage .service", has=page.get_by_role("heading", name="auth-service")).locator(
        ".lamp"
    )
    lit = page.locator(".stage .lamp[data-state=accepted]")
    expect(lit).to_have_count(len(SERVICES))

    page.get_by_role("button", name="Stop auth-service").press("Enter")
    expect(own).to_have_attribute("data-state", "unknown")
    expect(lit).to_have_count(len(SERVICES) - 1)
    expect(page.get_by_role("main").get_by_text("each service verifies the token by itself")).to_be_visible()
    screenshot(page, "lamps-auth-service-stopped")
    page.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("^Log-out did not succeed"))
    expect(lit).to_have_count(len(SERVICES) - 1)

    page.get_by_role("button", name="Start auth-service").click()
    expect(lit).to_have_count(len(SERVICES))
    page.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
    expect(page.locator(".stage .summary")).to_have_text(re.compile("^Log-out reached all"))
