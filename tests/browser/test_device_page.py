"""The device page in a real Chromium, through the gateway: with the keyboard, without script, at two widths."""

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def device(app):
    """The device authorization response, and the address of its page at this gateway."""
    return app.authorize_device() | {"page": f"{app.server.url}/oauth/device"}


@pytest.mark.parametrize("width", [400, 1280])
def test_device_connects_with_keyboard_only(open_page, app, device, log_in, screenshot, width):
    page = open_page(java_script_enabled=False, viewport={"width": width, "height": 800})
    page.goto(device["page"])
    log_in(page)
    screenshot(page, f"device-code-{width}")

    page.get_by_label("Code").fill(device["user_code"].lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Command line")).to_be_visible()
    expect(page.get_by_text(device["user_code"])).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth") is True
    screenshot(page, f"device-confirm-{width}")
    page.get_by_role("button", name="Connect").click()

    expect(page.get_by_role("status")).to_contain_text("Command line")
    screenshot(page, f"device-done-{width}")
    assert app.redeem_device(device).json()["scope"] == "orders:read profile:read"


def test_device_can_be_denied(open_page, app, device, log_in):
    page = open_page()
    page.goto(device["page"])
    log_in(page)
    page.get_by_label("Code").fill(device["user_code"])
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("button", name="Deny").click()

    expect(page.get_by_role("heading", name="Denied")).to_be_visible()
    assert app.redeem_device(device).json()["error"] == "access_denied"


def test_code_from_address_needs_confirmation(open_page, app, device, log_in):
    page = open_page()
    page.goto(f"{device['page']}?user_code={device['user_code']}")
    log_in(page)

    expect(page.get_by_label("Code")).to_have_value(device["user_code"])
    assert app.redeem_device(device).json()["error"] == "authorization_pending"


def test_wrong_code_shows_error(open_page, device, log_in, screenshot):
    page = open_page()
    page.goto(device["page"])
    log_in(page)
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_label("Code")).to_have_attribute("aria-describedby", "user_code-error")
    screenshot(page, "device-wrong")
