"""auth-service's pages as the console leads to them: axe-core finds nothing serious or critical, and they lead back."""

from secrets import token_hex

import pytest
from playwright.sync_api import expect
from testkit.cluster import DEMO_PASSWORD
from testkit.user import mailed_token


@pytest.fixture
def log_in_page(open_page, console_cluster):
    """The log-in page that the console leads to, without script."""
    page = open_page()
    page.goto(f"{console_cluster.gateway}/bff/login?next=/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    return page


def test_log_in_pages_pass_axe(log_in_page, inspect):
    page = log_in_page
    inspect(page, "log-in")
    page.get_by_role("link", name="Mail me a link or code").click()
    page.get_by_label("Email address").fill("alice@example.com")
    page.get_by_role("button", name="Send the mail").click()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the code")
    inspect(page, "mailed-code")
    page.get_by_role("link", name="Back to the log-in").click()
    page.get_by_role("link", name="Create an account").click()
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter your name")
    inspect(page, "new-account")
    page.get_by_role("link", name="I have an account").click()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email address").fill("unknown@example.com")
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_role("status")).to_contain_text("unknown@example.com")
    inspect(page, "forgotten-password")


def test_mailed_link_ends_at_console(log_in_page, console_cluster, client_at):
    email = f"{token_hex(6)}@example.com"
    account = {"email": email, "name": "Dora Example", "password": DEMO_PASSWORD}
    assert client_at(console_cluster.gateway)("POST", "/accounts", json=account).status_code == 201
    page = log_in_page
    page.get_by_role("link", name="Mail me a link or code").click()
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Send the mail").click()
    token = mailed_token(console_cluster.mail_folder, email, path="/magic-links/redeem")
    page.goto(f"{console_cluster.gateway}/magic-links/redeem?token={token}")

    page.get_by_role("button", name="Log in").click()

    page.wait_for_url(f"{console_cluster.gateway}/")
    session = page.evaluate("fetch('/bff/session').then((response) => response.json())")
    assert (session["authenticated"], session["email"]) == (True, email)
