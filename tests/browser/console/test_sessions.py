"""The sessions in the console: one's own, and for administrators those of all accounts."""

import pytest
from playwright.sync_api import expect
from testkit.user import User

PASSWORD = "correct-horse-battery-staple"


@pytest.fixture
def api(client_at, console_cluster):
    return client_at(console_cluster.gateway)


def region(page, name):
    return page.get_by_role("region", name=name, exact=True)


def rows(table):
    return table.get_by_role("row").filter(has=table.page.get_by_role("cell"))


def test_own_session_is_marked_and_other_ended(open_console, api, inspect):
    other = User(api, "alice@example.com", PASSWORD).token
    page = open_console("#sessions")
    own = region(page, "My sessions")
    expect(rows(own).filter(has_text="This session")).to_have_count(1)
    expect(rows(own).first).to_contain_text("Chrome on Linux")
    expect(rows(own).first).to_contain_text("127.0.0.1")
    expect(region(page, "Sessions of accounts")).to_contain_text("Your token does not have the scope admin.")
    inspect(page, "sessions")
    before = rows(own).count()
    button = rows(own).filter(has_text="Command line").first.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="End this session?")).to_be_visible()

    page.get_by_role("button", name="End it").click()

    expect(rows(own)).to_have_count(before - 1)
    expect(rows(own).filter(has_text="This session")).to_have_count(1)
    assert api("GET", "/account/sessions", token=other).status_code == 401


@pytest.fixture
def customer(api, new_user, mail_folders, console_cluster):
    """A new user, who has no other session than the test's own."""
    mail_folders[console_cluster.gateway] = console_cluster.mail_folder
    return new_user(api)


def test_admin_ends_session_of_account(open_console, api, inspect, customer):
    token = customer.token
    page = open_console("#sessions", email="admin@example.com")
    all_sessions = region(page, "Sessions of accounts")
    expect(rows(all_sessions).filter(has_text="This session")).to_have_count(1)
    inspect(page, "sessions-admin")

    all_sessions.get_by_label("Account, by its subject").fill(customer.sub)
    page.keyboard.press("Enter")
    expect(all_sessions.get_by_role("button", name="Disable the account")).to_be_visible()
    expect(rows(all_sessions).filter(has_text="This session")).to_have_count(0)
    rows(all_sessions).filter(has_text="cli").first.get_by_role("button", name="End").click()
    page.get_by_role("button", name="End it").click()

    expect(all_sessions.get_by_role("status")).to_contain_text("The session is ended.")
    assert api("GET", "/account/sessions", token=token).status_code == 401


def test_admin_disables_and_enables_account(open_console, api, customer):
    page = open_console("#sessions", email="admin@example.com")
    accounts = region(page, "Sessions of accounts")
    accounts.get_by_label("Account, by its subject").fill(customer.sub)
    accounts.get_by_role("button", name="Show its sessions").click()

    accounts.get_by_role("button", name="Disable the account").click()
    expect(page.get_by_role("dialog")).to_contain_text("All its sessions end at once")
    page.get_by_role("button", name="Disable it").click()
    expect(accounts.get_by_role("status")).to_contain_text("is disabled, and its sessions are ended.")
    expect(accounts.get_by_text("There is no active session.")).to_be_visible()
    assert (
        api("POST", "/login", json={"email": customer.email, "password": customer.password}).status_code
        != 200
    )

    accounts.get_by_role("button", name="Enable the account").click()
    expect(accounts.get_by_role("status")).to_contain_text("is enabled: it can log in again.")
    assert (
        api("POST", "/login", json={"email": customer.email, "password": customer.password}).status_code
        == 200
    )


def test_refused_change_is_a_sentence(open_console, api):
    admin = User(api, "admin@example.com", PASSWORD)
    page = open_console("#sessions", email="admin@example.com")
    accounts = region(page, "Sessions of accounts")
    accounts.get_by_label("Account, by its subject").fill(admin.sub)
    page.keyboard.press("Enter")

    accounts.get_by_role("button", name="Disable the account").click()
    page.get_by_role("button", name="Disable it").click()

    expect(accounts.get_by_role("alert")).to_contain_text("own account")
