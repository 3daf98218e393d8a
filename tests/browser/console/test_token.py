"""The section about the token."""

import re

from playwright.sync_api import expect


def row(page, field):
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=field, exact=True))


def test_token_is_explained_without_itself(open_console, inspect):
    page = open_console("#token")

    expect(row(page, "alg")).to_contain_text("RS256")
    expect(row(page, "sub")).to_contain_text("The subject: you.")
    expect(row(page, "aud")).to_contain_text("orders-service")
    expect(row(page, "exp")).to_contain_text(re.compile(r"\(in \d+ minutes?"))
    expect(row(page, "status")).to_contain_text(re.compile(r"idx: \d+"))
    expect(row(page, "client_id")).to_contain_text("console")
    expect(page.get_by_text("Why the token itself is not here")).to_be_visible()
    expect(page.get_by_text("A claim that this issuer adds.")).to_have_count(0)
    inspect(page, "token")


def test_signing_key_is_named(open_console, client_at, console_cluster):
    keys = client_at(console_cluster.gateway)("GET", "/.well-known/jwks.json").json()["keys"]
    page = open_console("#token")

    signature = page.get_by_role("region", name="The signature")

    expect(signature).to_contain_text("RSA of 2048 bits, RS256.")
    expect(signature.get_by_role("code")).to_have_text(re.compile("|".join(key["kid"] for key in keys)))


def test_time_left_is_counted_down(open_console):
    page = open_console("#token")
    timer = page.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^\d:\d\d$"))

    expect(timer).not_to_have_text(timer.inner_text())


def test_renewed_token_starts_time_again(open_console):
    page = open_console("#token")
    expect(page.get_by_role("timer")).to_have_text(re.compile("^[0-4]:"))

    def renewed(route):
        session = route.fetch().json()
        session["expires_at"] += 600
        session["claims"] |= {"jti": "another", "exp": session["expires_at"]}
        route.fulfill(json=session)

    page.route("**/bff/session", renewed)

    expect(page.get_by_role("timer")).to_have_text(re.compile("^1[0-4]:"))
    expect(row(page, "jti")).to_contain_text("another")
    expect(page.get_by_role("status").filter(has_text="The token was renewed.")).to_be_attached()
