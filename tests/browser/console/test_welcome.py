"""The console without a log-in, and the log-in from it."""

import re

from playwright.sync_api import expect
from testkit.cluster import DEMO_PASSWORD

LAMPS = "Press log-out and watch the lights go out"


def test_welcome_offers_log_in(open_console, inspect):
    page = open_console(email=None)

    expect(page.get_by_role("heading", level=1)).to_have_text("Log out, and every service knows it at once")
    expect(page.get_by_role("main").get_by_role("link", name="Log in", exact=True)).to_be_visible()
    expect(page.get_by_role("main").get_by_text(DEMO_PASSWORD)).to_be_visible()
    inspect(page, "welcome")


def test_log_in_by_keyboard_leads_to_lamps(open_console):
    page = open_console(email=None)
    page.get_by_role("main").get_by_role("link", name="Log in", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("Email address").focus()
    page.keyboard.type("bob@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(LAMPS)
    expect(page.get_by_role("banner")).to_contain_text("Bob Example")
    expect(page).to_have_url(re.compile("/$"))


def test_account_is_passed_to_log_in_page(open_console):
    page = open_console(email=None)
    page.get_by_role("link", name="Log in as Bob").click()

    expect(page).to_have_url(re.compile(r"[?&]login_hint=bob%40example\.com"))


def test_password_can_be_copied(open_console):
    page = open_console(email=None)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy the password").click()

    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_attached()
    assert page.evaluate("navigator.clipboard.readText()") == DEMO_PASSWORD


def test_section_without_log_in_leads_back_to_it(open_console, log_in):
    page = open_console("#token", email=None)
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    log_in(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("The token")
    expect(page).to_have_url(re.compile("/#token$"))


def test_other_origin_links_to_issuer(open_page, console_cluster):
    page = open_page()
    page.goto(console_cluster.gateway.replace("127.0.0.1", "localhost"))

    notice = page.get_by_role("status").filter(has_text="you can log in only at")
    notice.get_by_role("link").click()

    expect(page).to_have_url(f"{console_cluster.gateway}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(notice).to_have_count(0)


def test_skip_link_leads_to_content(open_console):
    page = open_console("#shop", email=None)
    expect(page.get_by_role("heading", name="Gold leaf, 25 sheets")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shop")


def test_navigation_by_keyboard_shows_section(open_console):
    page = open_console(email=None)
    link = page.get_by_role("navigation").get_by_role("link", name="Shop")
    link.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Shop")
    expect(link).to_have_attribute("aria-current", "page")
    expect(page).to_have_title(re.compile("^Shop .* Touchstone$"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Shop")
