"""The pages of a forgotten password, and the way on to the application."""

import re

import pytest
from testkit.oauth_clients import parameters_of

from ..helpers import PASSWORD, REQUEST, fields_of

ALICE, NEW = "alice@example.com", "several unrelated words"


@pytest.fixture
def ask(client, submit):
    """`ask(request, email)`: have the link mailed from the page."""

    def send(request=REQUEST, email=ALICE):
        return submit(client.get("/password-resets", query_string=request), "/password-resets", email=email)

    return send


@pytest.fixture
def choose(client, submit, outbox):
    """`choose(password)`: open the mailed link in this browser and submit a new password."""

    def send(password=NEW):
        page = client.get(f"/password-resets/redeem?token={outbox.token}")
        return submit(page, "/password-resets/redeem", new_password=password)

    return send


def link_of(page):
    return re.search(r'href="([^"]*)">(?:Log in|Back to the log-in)<', page.text)[1].replace("&amp;", "&")


def test_reset_leads_back_to_application(ask, choose, client, submit, redeem):
    asked = ask()

    done = choose()
    form = client.get(link_of(done))
    answer = submit(form, password=NEW)

    assert link_of(asked) == link_of(done)
    assert fields_of(form)["email"] == ALICE
    assert redeem(answer.location).status_code == 200
    assert client.get_cookie("touchstone_request") is None


def test_weak_password_keeps_request(ask, choose, submit, client):
    ask()

    done = submit(choose("short"), "/password-resets/redeem", new_password=NEW)

    assert parameters_of(link_of(done))["client_id"] == "cli"


def test_reset_in_other_browser_leads_to_root(ask, client, outbox):
    ask()
    other = client.application.test_client()
    page = other.get(f"/password-resets/redeem?token={outbox.token}")

    done = other.post("/password-resets/redeem", data=fields_of(page) | {"new_password": NEW})

    assert link_of(done) == "/"


def test_unknown_address_answers_alike(ask, outbox):
    shapes = set()
    for email in (ALICE, "unknown@example.com"):
        page = ask(email=email)
        text = re.sub(r'href="[^"]*"', "", page.text).replace(email, "")
        shapes.add((page.status_code, *(name for name, _ in page.headers), text))

    assert len(shapes) == 1
    assert (outbox.work, len(outbox.mails)) == (2, 1)


@pytest.mark.parametrize("email", ["", "alice", "a b@example.com"])
def test_malformed_address_is_shown(ask, outbox, email):
    page = ask(email=email)

    assert (page.status_code, outbox.work) == (422, 0)
    assert fields_of(page)["email"] == email


def test_reset_for_device_leads_back_to_it(ask, choose):
    ask({"user_code": "BCDF-GHJK"})

    assert link_of(choose()) == "/oauth/device?user_code=BCDF-GHJK&login_hint=alice@example.com"


def test_kept_request_cannot_lead_away(ask, choose, client):
    ask()
    client.set_cookie("touchstone_request", "client_id=x&redirect_uri=//evil.example")

    href = link_of(choose())

    assert href == "/oauth/authorize?client_id=x&redirect_uri=//evil.example"
    assert client.get(href).status_code == 400


def test_reset_page_does_not_log_in(ask, choose, client):
    ask()
    choose()

    assert client.get_cookie("touchstone_login") is None
    assert client.post("/login", json={"email": ALICE, "password": PASSWORD}).status_code == 401
