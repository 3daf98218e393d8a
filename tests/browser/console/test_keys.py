"""The signing keys in the console, for administrators."""

import re

import pytest
from playwright.sync_api import expect

ADMIN = "admin@example.com"


def column(page, title):
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))


def keys(page, title):
    return column(page, title).get_by_role("listitem")


def press(page, button):
    button.focus()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("act", ["keyboard", "mouse"])
def test_key_is_added_and_withdrawn(open_console, inspect, act):
    page = open_console("#keys", email=ADMIN)
    do = (lambda button: press(page, button)) if act == "keyboard" else (lambda button: button.click())
    expect(keys(page, "Current")).to_have_count(1)
    expect(keys(page, "Next")).to_have_count(0)

    do(page.get_by_role("button", name="Rotate: add a key"))
    expect(page.get_by_role("dialog")).to_contain_text("No token is refused")
    do(page.get_by_role("button", name="Rotate", exact=True))
    expect(page.get_by_role("status").filter(has_text="A new key is published.")).to_be_visible()
    expect(keys(page, "Next")).to_contain_text(re.compile(r"Signs from.*\(in \d"))
    if act == "mouse":
        inspect(page, "keys")

    do(keys(page, "Next").get_by_role("button"))
    expect(page.get_by_role("dialog", name="Withdraw the next key?")).to_contain_text("no token is refused")
    do(page.get_by_role("button", name="Withdraw", exact=True))
    expect(keys(page, "Next")).to_have_count(0)


def test_cancelled_rotation_changes_nothing(open_console):
    page = open_console("#keys", email=ADMIN)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)

    page.get_by_role("button", name="Rotate: add a key").click()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert sent == []


def test_withdrawn_current_key_is_replaced(open_console, shared_cookies):
    page = open_console("#keys", email=ADMIN, new_session=True)
    before = keys(page, "Current").get_by_role("code").inner_text()

    keys(page, "Current").get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("your session goes on")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    shared_cookies.clear()

    expect(keys(page, "Current").get_by_role("code")).not_to_have_text(before)


def test_customer_sees_why_keys_are_missing(open_console):
    page = open_console("#keys")

    expect(page.get_by_text("This part is for administrators")).to_be_visible()
    expect(page.get_by_role("button", name="Rotate: add a key")).to_have_count(0)
