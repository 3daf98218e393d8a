"""Forged tokens, sent by a press of a button, and the answers of every process."""

import json
import re

from playwright.sync_api import expect

JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}")
ALL = 8


def attack(page, title):
    return page.get_by_role("region", name=title, exact=True)


def answer_with(page, answers):
    """Let the gateway seem to give these answers to any attack."""
    body = {"attack": "none", "header": {"alg": "none"}, "claims": {"sub": "x"}, "changed": ["header.alg"]}
    handler = lambda route: route.fulfill(json={**body, "answers": answers})  # noqa: E731 - one use
    page.route("**/console/attacks/*", handler)


def answer(verdict, status, slug=None):
    return {"service": "orders-service", "process": "127.0.0.1:8083", "verdict": verdict, "status": status,
            "slug": slug, "detail": "A sentence.", "ms": 1.5}  # fmt: skip


def test_forgery_is_refused_by_each_process(open_console, console_cluster, inspect):
    page = open_console("#attacks")
    card = attack(page, "Public key as a secret")

    card.get_by_role("button", name="Send: Public key as a secret").click()

    expect(card.get_by_text(f"Refused by all {len(console_cluster.urls)} processes")).to_be_visible()
    rows = card.get_by_role("row").filter(has_text="wrong_algorithm")
    expect(rows).to_have_count(len(console_cluster.urls))
    for service in console_cluster.urls:
        row = rows.filter(has=page.get_by_text(service, exact=True))
        expect(row).to_contain_text("The access token is not signed with the expected algorithm.")
    card.get_by_text("What was sent: alg and the signature changed").click()
    expect(card.get_by_role("mark")).to_have_text("HS256")
    inspect(page, "attacks")


def test_all_attacks_go_as_they_must_by_keyboard(open_console, console_cluster):
    page, processes = open_console("#attacks"), len(console_cluster.urls)
    seen = []
    page.on(
        "response", lambda response: seen.append(response) if "/console/attacks/" in response.url else None
    )
    button = page.get_by_role("button", name="Send them all")
    expect(button).to_be_visible()
    while not button.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text(f"{ALL} of {ALL} went as they must.").first).to_be_visible()
    expect(page.locator("#announcer")).to_have_text(f"{ALL} of {ALL} went as they must.")
    expect(button).to_be_focused()
    expect(
        attack(page, "Your own token").get_by_text(f"Accepted by all {processes} processes")
    ).to_be_visible()
    expect(page.get_by_text(f"Refused by all {processes} processes")).to_have_count(ALL - 1)
    assert len(seen) == ALL
    assert not [each.url for each in seen if JWT.search(each.text())]


def test_accepted_forgery_is_called_a_fault(open_console, inspect):
    page = open_console("#attacks")
    answer_with(page, [answer("refused", 401, "malformed_token"), answer("accepted", 200)])
    card = attack(page, "No signature")
    card.get_by_role("button").click()

    expect(card.get_by_text("Accepted by 1 process: this is a fault")).to_be_visible()
    expect(card.get_by_role("row").filter(has_text="accepted: this is a fault")).to_have_count(1)
    expect(page.locator("#announcer")).to_contain_text("this is a fault")
    inspect(page, "attacks-fault")


def test_other_reason_and_no_answer_are_pointed_out(open_console):
    page = open_console("#attacks")
    answer_with(
        page, [answer("refused", 401, "expired_token"), answer("unknown", 503, "upstream_unavailable")]
    )
    card = attack(page, "No signature")
    card.get_by_role("button").click()

    expect(card.get_by_text("As expected refused by 0 of 2 processes; look at the others")).to_be_visible()
    expect(card.get_by_text("refused for another reason")).to_be_visible()
    expect(card.get_by_text("no answer")).to_be_visible()


def test_refused_own_token_is_called_a_fault(open_console):
    page = open_console("#attacks")
    answer_with(page, [answer("refused", 401, "bad_signature")])
    card = attack(page, "Your own token")
    card.get_by_role("button").click()

    expect(card.get_by_text("Refused by 1 process: this is a fault")).to_be_visible()


def test_attack_without_issuers_help_says_why(open_console):
    page = open_console("#shop")

    def without_demo(route):
        listed = route.fetch().json()
        for each in listed["items"]:
            each["unavailable"] = "Only with DEMO=1." if each["id"] in {"expired", "revoked"} else None
        route.fulfill(body=json.dumps(listed), content_type="application/json")

    page.route("**/console/attacks", without_demo)
    page.goto(page.url.replace("#shop", "#attacks"))
    card = attack(page, "Expired")

    expect(card.get_by_role("button")).to_be_disabled()
    expect(card.get_by_text("Only with DEMO=1.")).to_be_visible()


def test_failed_attack_shows_its_sentence(open_console):
    page = open_console("#attacks")
    problem = {"title": "x", "detail": "auth-service is not available."}
    page.route("**/console/attacks/*", lambda route: route.fulfill(status=503, json=problem))
    card = attack(page, "Expired")
    card.get_by_role("button").click()

    expect(card.get_by_role("alert")).to_contain_text("auth-service is not available.")
