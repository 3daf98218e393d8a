"""The pages of auth-service in a real Chromium, through the gateway: with the keyboard, without script, at two widths."""

import re

import jwt
import pytest
from playwright.sync_api import expect

WIDTHS = [360, 1280]
NO_SCRIPT = {"java_script_enabled": False}


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_log_in_gives_app_tokens(open_page, app, log_in, script):
    page = open_page(java_script_enabled=script)
    page.goto(app.authorization_url(nonce="n-1"))
    log_in(page)
    page.wait_for_url(f"{app.redirect_uri}?*")

    answer = app.response()
    tokens = app.redeem_response().json()

    assert (answer["state"], answer["iss"]) == (app.state, app.server.url)
    assert tokens["scope"] == "email openid orders:read"
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["nonce"], claims["email"]) == ("cli", "n-1", "alice@example.com")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_localhost_page_redirects_to_issuer(open_page, app, log_in, script):
    page = open_page(java_script_enabled=script)
    page.goto(app.authorization_url().replace("//127.0.0.1:", "//localhost:", 1))
    page.wait_for_url(f"{app.server.url}/oauth/authorize?*")

    log_in(page)

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().status_code == 200


def test_second_app_needs_no_log_in(open_page, make_app, log_in):
    first, second = make_app(), make_app()
    page = open_page()
    page.goto(first.authorization_url())
    log_in(page)
    page.wait_for_url(f"{first.redirect_uri}?*")

    page.goto(second.authorization_url())

    page.wait_for_url(f"{second.redirect_uri}?*")
    assert second.redeem_response().status_code == 200


def test_ipv6_loopback_app_gets_code(open_page, make_app, log_in):
    app = make_app(host="::1")
    page = open_page()
    page.goto(app.authorization_url())

    log_in(page)

    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.redeem_response().status_code == 200


def test_callback_may_redirect_within_origin(open_page, app, log_in):
    app.callback.onward = f"{app.origin}/welcome"
    page = open_page(**NO_SCRIPT)
    page.goto(app.authorization_url())

    log_in(page)

    page.wait_for_url(f"{app.origin}/welcome")
    assert app.redeem_response().status_code == 200


def test_redirect_to_other_origin_is_blocked(open_page, make_app, log_in):
    """Chromium applies `form-action` to every redirect after a form; the client has its code by then."""
    app, site = make_app(), make_app()
    app.callback.onward = f"{site.origin}/welcome"
    page = open_page()
    page.goto(app.authorization_url())

    with page.expect_console_message(lambda said: "form-action" in said.text):
        log_in(page)

    expect(page).to_have_url(re.compile("/oauth/authorize[?]"))
    assert app.redeem_response().status_code == 200
    assert site.callback.received == []
    page.goto(app.authorization_url())  # without a form, it may redirect anywhere
    page.wait_for_url(f"{site.origin}/welcome")
    page.complaints.clear()


def test_wrong_password_shows_error(open_page, app, log_in, screenshot):
    page = open_page(**NO_SCRIPT)
    page.goto(app.authorization_url())

    log_in(page, password="wrong")

    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("wrong")
    expect(page).to_have_title(re.compile("^Error: "))
    field = page.get_by_label("Password")
    expect(field).to_have_attribute("aria-describedby", "password-error")
    expect(field).to_have_value("")
    expect(page.get_by_label("Email address")).to_have_value("alice@example.com")
    screenshot(page, "wrong-password")
    summary.get_by_role("link").click()
    expect(field).to_be_focused()
    log_in(page)
    page.wait_for_url(f"{app.redirect_uri}?*")


def test_empty_form_shows_error_at_each_field(open_page, app, screenshot):
    page = open_page()
    page.goto(app.authorization_url())

    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
    for name in ("email", "password"):
        expect(page.locator(f"#{name}")).to_have_attribute("aria-describedby", f"{name}-error")
        expect(page.locator(f"#{name}-error")).to_be_visible()
    screenshot(page, "empty-form")


def test_third_party_is_allowed_once(open_page, partner, log_in, screenshot):
    page = open_page(**NO_SCRIPT)
    page.goto(partner.authorization_url(scope="openid orders:read"))
    log_in(page, "bob@example.com")
    expect(page.get_by_role("heading", name="Allow Partner Shop?")).to_be_visible()
    expect(page.get_by_text("See your orders")).to_be_visible()
    screenshot(page, "consent")

    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{partner.redirect_uri}?*")
    assert partner.redeem_response().json()["scope"] == "openid orders:read"
    page.goto(partner.authorization_url(scope="openid orders:read"))
    page.wait_for_url(f"{partner.redirect_uri}?*")
    page.goto(partner.authorization_url(scope="openid orders:read orders:write"))

    expect(page.get_by_role("heading", name="Allow Partner Shop?")).to_be_visible()


def test_third_party_denied_gets_access_denied(open_page, partner, log_in):
    page = open_page()
    page.goto(partner.authorization_url(scope="orders:write"))
    log_in(page)

    page.get_by_role("button", name="Deny").click()

    page.wait_for_url(f"{partner.redirect_uri}?*")
    answer = partner.response()
    assert (answer["error"], answer["state"], answer["iss"]) == (
        "access_denied",
        partner.state,
        partner.server.url,
    )


def test_consent_with_keyboard_only(open_page, partner):
    page = open_page()
    page.goto(partner.authorization_url(scope="profile"))
    expect(page.locator("#email")).to_be_focused()  # a moment after the page has loaded
    page.keyboard.type("admin@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("correct-horse-battery-staple")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow Partner Shop?")).to_be_visible()
    page.keyboard.press("Tab")
    allow = page.get_by_role("button", name="Allow")
    expect(allow).to_be_focused()
    expect(allow).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")

    page.wait_for_url(f"{partner.redirect_uri}?*")
    assert "code" in partner.response()


def test_logout_asks_and_ends_session(open_page, app, log_in, screenshot):
    page = open_page(**NO_SCRIPT)
    page.goto(app.authorization_url())
    log_in(page)
    page.wait_for_url(f"{app.redirect_uri}?*")
    tokens = app.redeem_response().json()

    page.goto(f"{app.server.url}/oauth/logout")
    screenshot(page, "log-out")
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("heading", name="Logged out")).to_be_visible()
    screenshot(page, "logged-out")
    assert app.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    page.goto(app.authorization_url())
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_logout_by_app_returns_to_it(open_page, partner, log_in):
    page = open_page()
    page.goto(partner.authorization_url(scope="openid"))
    log_in(page)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{partner.redirect_uri}?*")
    tokens = partner.redeem_response().json()

    page.goto(
        f"{partner.server.url}/oauth/logout?id_token_hint={tokens['id_token']}"
        f"&post_logout_redirect_uri={partner.origin}/bye&state=s"
    )

    page.wait_for_url(f"{partner.origin}/bye?state=s")
    assert partner.refresh(tokens["refresh_token"]).status_code == 400


def test_cross_site_log_in_form_is_refused(open_page, auth_cluster, app):
    page = open_page()
    page.goto(app.authorization_url())
    hidden = {
        name: page.locator(f"input[name={name}]").get_attribute("value") for name in ("_request", "_form")
    }
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in hidden.items())
    page.goto(f"{app.origin}/elsewhere")  # another origin, by its port

    page.set_content(
        f'<form method="post" action="{auth_cluster.gateway}/oauth/authorize">{fields.replace("&", "&amp;")}'
        '<input name="_step" value="login"><input name="email" value="alice@example.com">'
        '<input name="password" value="correct-horse-battery-staple"><button>Go</button></form>'
    )
    page.get_by_role("button").click()

    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Please try again")
    assert "touchstone_login" not in {cookie["name"] for cookie in page.context.cookies()}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_window_without_script(open_page, partner, app, log_in, check_page, width, scheme):
    page = open_page(viewport={"width": width, "height": 700}, color_scheme=scheme)

    def check(name):
        check_page(page, f"{name}-{width}-{scheme}")

    page.goto(partner.authorization_url(scope="openid profile email orders:read", prompt="consent"))
    check("log-in")
    log_in(page, password="wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    check("log-in-error")
    log_in(page)
    expect(page.get_by_role("heading", name="Allow Partner Shop?")).to_be_visible()
    check("consent")
    page.goto(f"{partner.server.url}/oauth/logout")
    check("log-out")
    page.goto(app.authorization_url(redirect_uri="https://evil.example/"))
    check("error")


def test_pages_have_security_headers(open_page, app):
    page = open_page()

    headers = page.goto(app.authorization_url()).all_headers()

    assert headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'self'; form-action 'self' {app.redirect_uri}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["touchstone_form"]["httpOnly"]
    assert cookies["touchstone_form"]["sameSite"] == "Lax"


def test_injected_script_does_not_run(open_page, app):
    page = open_page()
    page.goto(app.authorization_url())

    with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        page.evaluate(
            """() => { const script = document.createElement("script"); script.textContent = "window.ran = true";
                       document.body.append(script); }"""
        )

    assert page.evaluate("window.ran") is None
    page.complaints.clear()
