"""The session in the page: it ends in all tabs, and notices report a service that does not answer."""

import re

import pytest
from playwright.sync_api import expect
from testkit.user import User

ENDED = "Your session has ended."


@pytest.fixture
def end_elsewhere(console_cluster, client_at):
    """`end_elsewhere(email)`: end all sessions of the console that the account has, with another session."""

    def end(email):
        gateway = client_at(console_cluster.gateway)
        user = User(gateway, email, "correct-horse-battery-staple")
        for session in gateway("GET", "/account/sessions", token=user.token).json()["items"]:
            if session["client_id"] == "console":
                gateway("DELETE", f"/account/sessions/{session['sid']}", token=user.token)

    return end


def notice(page, text):
    return page.get_by_role("status").filter(has_text=text)


def log_out(page):
    return page.get_by_role("banner").get_by_role("button", name="Log out")


def test_log_out_ends_other_tabs(open_console):
    """Their timers are stopped, so that only the first tab can have said it."""
    page = open_console("#shop", new_session=True)
    others = [page.context.new_page() for _ in range(2)]
    for other, fragment in zip(others, ("#shop", "#token"), strict=True):
        other.clock.install()
        other.goto(page.url.replace("#shop", fragment))
        expect(log_out(other)).to_be_visible()

    log_out(page).click()

    expect(notice(page, "You are logged out.")).to_be_visible()
    for other in others:
        expect(notice(other, ENDED)).to_be_visible(timeout=1000)
        expect(log_out(other)).to_have_count(0)
    expect(page.get_by_role("heading", name="My orders")).to_have_count(0)
    expect(others[1].get_by_text("Log in to see this part.")).to_be_visible()


def test_log_out_section_stays_after_log_out(open_console):
    page = open_console("#log-out", new_session=True)
    log_out(page).click()

    expect(page.get_by_role("main").get_by_role("link", name="Log in again and repeat")).to_be_visible()
    expect(notice(page, "You are logged out.")).to_have_count(0)
    page.get_by_role("navigation").get_by_role("link", name="Sessions").click()
    expect(page.get_by_text("Log in to see this part.")).to_be_visible()


def test_log_in_reaches_other_tabs(open_console, log_in):
    page = open_console("#shop", email=None)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("link", name="Log in to order")).to_be_visible()

    page.get_by_role("link", name="Log in to order").click()
    log_in(page)

    expect(other.get_by_role("heading", name="My orders")).to_be_visible()


def test_session_ended_elsewhere_is_noticed(open_console, end_elsewhere, shared_cookies):
    page = open_console("#sessions", email="bob@example.com", new_session=True)
    shared_cookies.pop("bob@example.com", None)

    end_elsewhere("bob@example.com")

    expect(notice(page, ENDED)).to_be_visible()
    expect(notice(page, ENDED).get_by_role("link", name="Log in again")).to_be_visible()
    expect(page.get_by_role("heading", name="My sessions")).to_have_count(0)


def test_refused_call_shows_end_of_session(open_console, end_elsewhere, shared_cookies):
    """The timers of the page are stopped: it learns of the end by its call."""
    page = open_console("#shop", email="bob@example.com", new_session=True)
    shared_cookies.pop("bob@example.com", None)
    page.clock.install()
    page.reload()
    page.get_by_label("Quantity of Gold leaf, 25 sheets").fill("1")
    end_elsewhere("bob@example.com")

    page.get_by_role("button", name="Order", exact=True).click()

    expect(notice(page, ENDED)).to_be_visible()


def test_auth_service_stopped_is_said_and_recovers(open_console, console_cluster, inspect):
    page = open_console("#shop")
    console_cluster.stop_service("auth-service")
    try:
        stopped = notice(page, "auth-service does not answer.")
        expect(stopped).to_contain_text("Your session goes on until")
        inspect(page, "auth-service-stopped")
        page.reload()
        expect(
            page.get_by_role("region", name="My orders").get_by_text(re.compile("Placed|not ordered")).first
        ).to_be_visible()
        expect(stopped).to_be_visible()
        log_out(page).click()
        expect(notice(page, "You are still logged in.")).to_be_visible()
    finally:
        console_cluster.start_service("auth-service")

    expect(stopped).to_have_count(0)


def test_gateway_unreachable_is_said_and_recovers(open_console):
    page = open_console("#token")
    page.context.set_offline(True)
    away = notice(page, "The gateway does not answer.")
    expect(away).to_be_visible()
    expect(log_out(page)).to_be_visible()

    page.context.set_offline(False)

    expect(away).to_have_count(0)
