"""The lamps of the console: what a log-out, a disabled account and a withdrawn key do to them."""

import re

import pytest
from playwright.sync_api import expect
from testkit.cluster import SERVICES

COUNT = len(SERVICES)  # one process each
REACHED = re.compile(
    rf"reached all {COUNT} processes after [\d.]+ m?s\. The request was acknowledged after [\d.]+ m?s"
)
AFTER = re.compile(r"^after [\d.]+ m?s$")


def states(page, state):
    return page.locator(f".stage .lamp[data-state={state}]")


@pytest.fixture
def open_lamps(open_console):
    """`open_lamps(email)`: a page on which every lamp is lit."""

    def make(email="alice@example.com", **options):
        page = open_console("#log-out", email, new_session=True, **options)
        expect(states(page, "accepted")).to_have_count(COUNT)
        return page

    return make


def expect_dark(page):
    expect(page.locator(".stage .summary")).to_have_text(REACHED)
    expect(states(page, "refused")).to_have_count(COUNT)
    for time in page.locator(".stage .lamp .time").all():
        expect(time).to_have_text(AFTER)


def plain_lamp(page):
    return page.locator(".lane", has_text="Plain JWT").locator(".lamp")


@pytest.fixture
def all_sessions_end(shared_cookies):
    """For a test that ends the sessions of other tests, too: the next test logs in again."""
    yield
    shared_cookies.clear()


def test_logout_darkens_every_lamp(open_lamps, inspect):
    """The lamp of the verification without status stays lit, and recorded lanes are played beside it."""
    page = open_lamps()
    inspect(page, "lamps-lit")
    page.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
    expect_dark(page)
    expect(page.locator("#announcer")).to_have_text(REACHED)
    expect(plain_lamp(page)).to_have_attribute("data-state", "accepted")
    recorded = page.locator(".lane", has_text="Introspection, kept for 10 s").locator(
        ".lamp[data-state=refused]"
    )
    expect(recorded).to_have_count(3)
    expect(page.get_by_role("table", name="Your runs").get_by_role("row")).to_have_count(2)
    inspect(page, "lamps-dark")


def test_logout_by_keyboard_can_be_repeated(open_lamps, log_in):
    page = open_lamps()
    page.get_by_role("heading", level=1).click()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('main button.big')"):
            break
    page.keyboard.press("Enter")
    expect_dark(page)

    again = page.get_by_role("link", name="Log in again and repeat")
    again.focus()
    page.keyboard.press("Enter")
    log_in(page)
    expect(states(page, "accepted")).to_have_count(COUNT)
    page.get_by_role("banner").get_by_role("button", name="Log out").press("Enter")
    expect_dark(page)
    expect(page.get_by_role("table", name="Your runs").get_by_role("row")).to_have_count(3)


def test_logout_with_reduced_motion_shows_the_result(open_lamps):
    page = open_lamps(reduced_motion="reduce")
    page.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
    expect_dark(page)
    expect(page.locator(".stopwatch")).to_have_text(re.compile(r"^[\d.]+ m?s$"))


def test_logout_in_another_tab_is_shown(open_lamps):
    page = open_lamps()
    other = page.context.new_page()
    other.goto(page.url)
    expect(states(other, "accepted")).to_have_count(COUNT)
    other.get_by_role("main").get_by_role("button", name="Log out", exact=True).click()
    expect_dark(other)
    expect(states(page, "refused")).to_have_count(COUNT)
    expect(page.locator(".stage .summary")).to_have_text(re.compile("not by a click here"))


def test_logout_everywhere_asks_first(open_lamps, all_sessions_end):
    page = open_lamps()
    page.get_by_role("button", name="Log out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(states(page, "accepted")).to_have_count(COUNT)
    page.get_by_role("button", name="Log out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Log out everywhere").click()
    expect_dark(page)
    expect(page.get_by_role("link", name="Log in again and repeat")).to_be_visible()


def test_withdrawn_key_darkens_every_lamp(open_lamps, all_sessions_end, inspect):
    page = open_lamps("admin@example.com")
    page.get_by_role("button", name="Withdraw the key").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw the key").click()
    expect_dark(page)
    expect(plain_lamp(page)).to_have_attribute("data-state", "refused")
    inspect(page, "lamps-key-withdrawn")
    page.get_by_role("button", name="Light the lamps again").click()
    expect(states(page, "accepted")).to_have_count(COUNT)


def test_disabled_account_goes_dark_in_its_window(open_lamps, all_sessions_end):
    alice = open_lamps("alice@example.com")
    alice.evaluate("fetch('/users/me')")  # makes the profile by which the administrator finds her
    admin = open_lamps("admin@example.com")
    card = admin.get_by_role("region", name="Disable an account")
    card.get_by_label("Account").select_option("Alice Example")
    card.get_by_role("button", name="Disable this account").click()
    admin.get_by_role("dialog").get_by_role("button", name="Disable this account").click()
    expect(states(alice, "refused")).to_have_count(COUNT)
    expect(states(admin, "accepted")).to_have_count(COUNT)

    card.get_by_role("button", name="Enable again").click()
    expect(card.get_by_text("Alice Example can log in again.")).to_be_visible()
    open_lamps("alice@example.com")


def test_too_many_streams_are_explained(open_lamps):
    page = open_lamps()
    pages = [page.context.new_page() for _ in range(3)]
    for each in pages:
        each.goto(page.url)
    expect(pages[-1].get_by_role("alert")).to_have_text(re.compile("Too many windows show these lamps"))
    pages[0].close()
    expect(pages[-1].get_by_role("alert")).to_be_hidden()
    expect(states(pages[-1], "accepted")).to_have_count(COUNT)
