"""After a log-in, no script of the page can reach a token."""

import json
import re

import pytest
from playwright.sync_api import expect

SECTIONS = ("#log-out", "#shop", "#token", "#request", "#keys", "#sessions", "#attacks")
JWT = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
OPAQUE = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")  # a refresh token, an authorization code
# All that a script finds: cookies, storage, caches, databases, addresses, global variables, and the page.
REACHABLE = """async () => {
    const globals = {};
    for (const name of Object.getOwnPropertyNames(window)) {
        if (["string", "number", "object"].includes(typeof window[name])) {
            try { globals[name] = JSON.stringify(window[name]); } catch { globals[name] = String(window[name]); }
        }
    }
    const cached = [];
    for (const name of await caches.keys()) {
        for (const request of await (await caches.open(name)).keys()) cached.push(request.url);
    }
    return {
        cookie: document.cookie, local: {...localStorage}, session: {...sessionStorage}, cached,
        databases: await indexedDB.databases(), workers: (await navigator.serviceWorker.getRegistrations()).length,
        address: location.href, referrer: document.referrer, state: history.state, name: window.name,
        entries: performance.getEntries().map((each) => each.name), globals,
        page: document.documentElement.outerHTML,
    };
}"""


def tokens(text, public):
    """Return what looks like a token in a text; ids of public keys are as long as a refresh token."""
    return [*JWT.findall(text), *(found for found in OPAQUE.findall(text) if found not in public)]


@pytest.mark.parametrize("email", ["alice@example.com", "admin@example.com"])
def test_no_token_can_be_reached_by_script(open_console, console_cluster, client_at, email):
    page = open_console(email=email)
    answers, calls = [], []
    page.on(
        "response", lambda answer: answers.append(answer) if answer.request.resource_type == "fetch" else None
    )
    page.on("request", lambda request: calls.append((request.url, request.headers, request.post_data)))
    page.reload()
    for section in SECTIONS:
        page.goto(f"{console_cluster.gateway}/{section}")
        expect(page.get_by_role("main").locator(f".section.{section[1:]}")).to_be_visible()

    public = {
        key["kid"]
        for key in client_at(console_cluster.gateway)("GET", "/.well-known/jwks.json").json()["keys"]
    }
    reachable = page.evaluate(REACHABLE)

    assert (reachable["cookie"], reachable["local"], reachable["session"]) == ("", {}, {})
    assert (reachable["cached"], reachable["databases"], reachable["workers"]) == ([], [], 0)
    assert tokens(json.dumps(reachable), public) == []
    assert tokens(json.dumps(calls), public) == []
    read = [answer for answer in answers if answer.headers.get("content-type", "").endswith("json")]
    assert any(answer.url.endswith("/bff/session") for answer in read)
    for answer in read:
        if not answer.url.endswith("/jwks.json"):
            assert tokens(answer.text(), public) == [], answer.url


def test_session_cookie_is_out_of_reach(open_console):
    page = open_console()

    cookies = {each["name"]: each for each in page.context.cookies()}

    assert cookies["session"]["httpOnly"] is True
    assert cookies["session"]["sameSite"] == "Strict"
    assert [name for name, each in cookies.items() if not each["httpOnly"]] == []
    assert page.evaluate("document.cookie") == ""
