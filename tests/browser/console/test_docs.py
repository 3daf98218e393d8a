"""The page /docs in Chromium: every operation is shown, and tried with the cookie of the browser session."""

import re

import pytest
from playwright.sync_api import expect
from testkit.user import User

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def open_docs(console_cluster, open_console):
    """`open_docs(email, **options)`: the page, after a log-in unless `email` is None."""

    def make(email="alice@example.com", **options):
        page = open_console(email=email, **options)
        page.goto(f"{console_cluster.gateway}/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        return page

    return make


def operation(page, method, path):
    """The box of one operation, the only one that is shown then."""
    page.get_by_label("Find routes").fill(f"{method} {path}")
    return page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]'))


def attempt(page, method, path):
    """Open an operation and send its request, by keyboard; return the box of the response."""
    box = operation(page, method, path)
    box.locator(".opblock-summary-control").press("Enter")
    box.get_by_role("button", name="Execute").press("Enter")
    response = box.locator(".live-responses-table")
    expect(response).to_be_visible()
    return response


def test_docs_show_every_operation(open_docs, console_cluster, client_at):
    document = client_at(console_cluster.gateway)("GET", "/openapi.json").json()
    wanted = sorted(
        (method.upper(), path) for path, item in document["paths"].items() for method in METHODS & set(item)
    )

    page = open_docs(email=None)

    expect(page.locator(".opblock")).to_have_count(len(wanted))
    shown = page.locator(".opblock").evaluate_all(
        "boxes => boxes.map(box => [box.querySelector('.opblock-summary-method').innerText,"
        " box.querySelector('.opblock-summary-path').dataset.path])"
    )
    assert sorted(map(tuple, shown)) == wanted


def test_docs_lead_to_the_log_in_and_back(open_docs, log_in):
    page = open_docs(email=None)

    page.get_by_role("status").get_by_role("link", name="Log in").click()
    log_in(page)

    expect(page).to_have_url(re.compile("/docs$"))
    expect(page.get_by_role("status")).to_contain_text("Logged in as Alice Example")


def test_get_is_tried_with_the_cookie(open_docs):
    response = attempt(open_docs(), "get", "/users/me")

    expect(response.locator("tbody .response-col_status")).to_contain_text("200")
    expect(response).to_contain_text("Alice Example")


def test_post_is_tried_with_the_cookie(open_docs, inspect):
    page = open_docs()

    with page.expect_request("**/orders") as sent:
        response = attempt(page, "post", "/orders")

    expect(response.locator("tbody .response-col_status")).to_contain_text("201")
    expect(response).to_contain_text('"status": "placed"')
    assert sent.value.headers["x-requested-with"] == "touchstone"
    assert "authorization" not in sent.value.headers
    inspect(page, "docs tried")


def test_refused_attempt_shows_its_problem(open_docs):
    response = attempt(open_docs(), "get", "/admin/keys")

    expect(response.locator("tbody .response-col_status")).to_contain_text("403")
    expect(response).to_contain_text("urn:touchstone:problem:insufficient_scope")


def test_token_is_entered_by_mouse(open_docs, console_cluster, client_at):
    bob = User(client_at(console_cluster.gateway), "bob@example.com", "correct-horse-battery-staple")
    page = open_docs()

    page.get_by_role("button", name="Authorize", exact=True).first.click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_label("auth-bearer-value").fill(bob.token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").click()
    response = attempt(page, "get", "/users/me")

    expect(response).to_contain_text("Bob Example")


def test_session_that_ends_is_shown(open_docs):
    page = open_docs(new_session=True)

    response = attempt(page, "post", "/bff/logout")

    expect(response.locator("tbody .response-col_status")).to_contain_text("204")
    expect(page.get_by_role("status")).to_contain_text("Not logged in.")


def test_docs_without_a_log_in_are_accessible(open_docs, inspect):
    page = open_docs(email=None)
    operation(page, "get", "/products").locator(".opblock-summary-control").press("Enter")
    expect(page.get_by_role("button", name="Execute")).to_be_visible()

    inspect(page, "docs")


def test_failed_document_is_reported(open_console, console_cluster):
    page = open_console(email=None)
    page.route("**/openapi.json", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(f"{console_cluster.gateway}/docs")

    expect(page.get_by_role("alert")).to_contain_text("cannot be shown")
