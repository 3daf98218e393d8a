"""The console without a log-in."""

from playwright.sync_api import expect


def test_welcome_fits_and_offers_log_in(open_console, view, screenshot):
    name, options = view
    page = open_console(email=None, **options)

    expect(page.get_by_role("heading", level=1)).to_have_text("Log out, and every service knows it at once")
    expect(page.get_by_role("main").get_by_role("link", name="Log in", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth") is True
    screenshot(page, f"welcome {name}")
