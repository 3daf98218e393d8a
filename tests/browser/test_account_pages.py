"""Log-in by mail, a forgotten password and a new account in a real Chromium; each ends at the application."""

import re
from secrets import token_hex

import pytest
from playwright.sync_api import expect
from testkit.cluster import DEMO_PASSWORD
from testkit.user import mailed_text, mailed_token

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
NEW = "several unrelated words"
CODE = re.compile(r"\b[B-Z]{4}-[B-Z]{4}\b")


@pytest.fixture
def mail(auth_cluster):
    """`mail(path, email)`: the address of the newest mailed link to `path`."""

    def link(path, email):
        token = mailed_token(auth_cluster.mail_folder, email, path=path)
        return f"{auth_cluster.issuer}{path}?token={token}"

    return link


@pytest.fixture
def mailed_code(auth_cluster):
    """`mailed_code(email)`: the newest mailed code."""

    def code(email):
        return CODE.search(mailed_text(auth_cluster.mail_folder, email, path="/magic-links/redeem"))[0]

    return code


@pytest.fixture
def new_email(auth_cluster, client_at):
    """The address of a new account with the password of the demo accounts."""
    email = f"{token_hex(6)}@example.com"
    account = {"email": email, "name": "New", "password": DEMO_PASSWORD}
    assert client_at(auth_cluster.gateway)("POST", "/accounts", json=account).status_code == 201
    return email


@pytest.fixture
def ask(open_page):
    """`ask(app, email, **options)`: a page that shows where to type the code, after a request of the app."""

    def make(app, email, scope="openid profile:read", **options):
        page = open_page(**options)
        page.goto(app.authorization_url(scope=scope))
        page.get_by_role("link", name="Mail me a link or code").click()
        page.get_by_label("Email address").fill(email)
        page.get_by_role("button", name="Send the mail").click()
        expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
        return page

    return make


@SCRIPT
def test_mailed_code_ends_at_app(ask, app, new_email, mailed_code, script):
    page = ask(app, new_email, java_script_enabled=script)

    page.get_by_label("Code from the mail").fill(mailed_code(new_email).lower().replace("-", " "))
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.response()["state"] == app.state
    assert app.redeem_response().json()["scope"] == "openid profile:read"


@SCRIPT
def test_mailed_link_ends_at_app(ask, app, new_email, mail, script):
    page = ask(app, new_email, java_script_enabled=script)
    tab = page.context.new_page()
    tab.goto(mail("/magic-links/redeem", new_email))

    tab.get_by_role("button", name="Log in").click()

    tab.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().status_code == 200
    kept = {cookie["name"] for cookie in page.context.cookies()}
    assert kept == {"touchstone_form", "touchstone_login"}


def test_mailed_link_asks_for_consent(ask, partner, new_email, mail):
    page = ask(partner, new_email, scope="openid")
    page.goto(mail("/magic-links/redeem", new_email))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Allow Partner Shop?")).to_be_visible()

    page.get_by_role("button", name="Allow").click()

    page.wait_for_url(f"{partner.redirect_uri}?*")
    assert partner.redeem_response().status_code == 200


def test_mailed_link_elsewhere_is_refused(ask, app, open_page, new_email, mail):
    ask(app, new_email)
    other = open_page()
    other.goto(mail("/magic-links/redeem", new_email))

    other.get_by_role("button", name="Log in").click()

    expect(other.get_by_role("alert")).to_contain_text("in the browser that requested it")
    assert app.callback.received == []


def test_wrong_code_can_be_mended(ask, app, new_email, mailed_code):
    page = ask(app, new_email, java_script_enabled=False)
    code = page.get_by_label("Code from the mail")
    code.fill("BBBB-BBBB")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    expect(code).to_have_attribute("aria-describedby", "code-error")
    expect(code).to_have_value("BBBB-BBBB")
    expect(page.get_by_label("Email address")).to_have_value(new_email)
    code.fill(mailed_code(new_email))
    page.keyboard.press("Enter")

    page.wait_for_url(f"{app.redirect_uri}?*")


def test_mailed_code_with_keyboard_only(open_page, app, new_email, mailed_code):
    page = open_page()
    page.goto(app.authorization_url(scope="openid profile:read", login_hint=new_email))
    expect(page.locator("#password")).to_be_focused()
    for name in ("Log in", "Mail me a link or code"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button" if name == "Log in" else "link", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#email")).to_be_focused()
    expect(page.locator("#email")).to_have_value(new_email)
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(mailed_code(new_email))
    page.keyboard.press("Enter")

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().status_code == 200


@SCRIPT
def test_forgotten_password_ends_at_app(open_page, app, new_email, mail, log_in, script):
    page = open_page(java_script_enabled=script)
    page.goto(app.authorization_url())
    log_in(page, new_email, "wrong")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_label("Email address")).to_have_value(new_email)
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_role("status")).to_contain_text(new_email)
    page.goto(mail("/password-resets/redeem", new_email))
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()

    page.get_by_role("link", name="Log in").click()
    expect(page.get_by_label("Email address")).to_have_value(new_email)
    log_in(page, new_email, NEW)

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().json()["scope"] == "email openid orders:read"


@SCRIPT
def test_new_account_ends_at_app(open_page, app, mail, log_in, script):
    email = f"{token_hex(6)}@example.com"
    page = open_page(java_script_enabled=script)
    page.goto(app.authorization_url())
    page.get_by_role("link", name="Create an account").click()
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(3)
    for label, value in (("Name", "Dora Example"), ("Email address", email), ("Password", NEW)):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    page.goto(mail("/account/verification", email))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Email address confirmed")).to_be_visible()

    page.get_by_role("link", name="Log in").click()
    log_in(page, email, NEW)

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().json()["scope"] == "email openid orders:read"


def test_demo_account_logs_in_from_its_link(open_page, app):
    page = open_page()
    page.goto(app.authorization_url())
    demo = page.get_by_role("region", name="Demo accounts")

    demo.get_by_role("link", name="bob@example.com").click()
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(demo.locator("code").text_content())
    page.keyboard.press("Enter")

    page.wait_for_url(f"{app.redirect_uri}?*")


def test_app_scheme_is_redirected_to(open_page, auth_cluster, app, log_in):
    """Chromium hands the address to the operating system, which has no such app here; no policy stops it."""
    page = open_page()
    phone = {"client_id": "phone", "redirect_uri": "com.example.app:/callback", "scope": "orders:read"}
    page.goto(app.authorization_url(**phone))

    with page.expect_event(
        "requestfailed", lambda request: request.url.startswith("com.example.app:/callback?code=")
    ):
        log_in(page)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_account_pages_fit_window(open_page, app, new_email, mail, check_page, width, scheme):
    page = open_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    start, view = app.authorization_url(), f"{width}-{scheme}"

    def press(name):
        page.get_by_role("button", name=name).click()

    def follow(name):
        page.goto(start)
        page.get_by_role("link", name=name).click()

    page.goto(start)
    check_page(page, f"log-in-links-{view}")
    follow("Mail me a link or code")
    check_page(page, f"mail-{view}")
    page.get_by_label("Email address").fill(new_email)
    press("Send the mail")
    expect(page.get_by_label("Code from the mail")).to_be_visible()
    check_page(page, f"mail-code-{view}")
    press("Log in")
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page, f"mail-code-error-{view}")
    page.goto(mail("/magic-links/redeem", new_email))
    check_page(page, f"mail-link-{view}")
    follow("Forgot your password?")
    check_page(page, f"forgot-{view}")
    page.get_by_label("Email address").fill(new_email)
    press("Send the mail")
    check_page(page, f"forgot-sent-{view}")
    page.goto(mail("/password-resets/redeem", new_email))
    press("Change password")
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page, f"new-password-error-{view}")
    follow("Create an account")
    check_page(page, f"account-{view}")
    press("Create the account")
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page, f"account-error-{view}")
    page.goto(mail("/account/verification", new_email))
    check_page(page, f"confirm-{view}")
    press("Confirm")
    expect(page.get_by_role("status")).to_be_visible()
    check_page(page, f"confirmed-{view}")
