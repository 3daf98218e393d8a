"""Password reset by a mailed link, over HTTP too."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth_service.domain.accounts.errors import BadLink, InvalidPassword, MailBusy, WrongPassword
from auth_service.use_cases.accounts.password_reset import (
    MAX_UNEXPIRED_LINKS,
)

NEW = "some unrelated words"


def test_reset_ends_sessions_and_verifies_address(world):
    account = world.newcomer()
    before = world.log_in()
    world.ask("new@example.com")
    world.rules.hasher.work.clear()

    world.reset(world.outbox.token, NEW)

    assert world.rules.hasher.work == ["hash"]
    assert world.log_in(password=NEW)
    session = world.rules.session(world.claims(before)["sid"])
    assert session.end_reason == "password_reset"
    assert world.account(account.sub).email_verified_at is not None


def test_reset_ends_browser_sessions(world):
    from auth_service.use_cases.accounts.browser_login import AuthenticateBrowser, BeginBrowserSession
    from auth_service.use_cases.accounts.login import PasswordCheck

    world.newcomer()
    check = PasswordCheck(world.store, world.rules.hasher)
    cookie = BeginBrowserSession(world.store, check, world.rules.clock)(
        "new@example.com", "their password", None
    ).cookie
    world.ask("new@example.com")

    world.reset(world.outbox.token, NEW)

    assert AuthenticateBrowser(world.store, world.rules.clock)(cookie) is None


def test_reset_link_works_once_among_concurrent_uses(world):
    world.newcomer()
    world.ask("new@example.com")
    token = world.outbox.token

    def reset(number):
        try:
            world.reset(token, f"{NEW} {number}")
        except BadLink:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        done = [number for number in pool.map(reset, range(16)) if number is not None]

    assert len(done) == 1
    assert world.log_in(password=f"{NEW} {done[0]}")


def test_reset_link_dies_with_password(world):
    world.newcomer()
    world.ask("new@example.com")
    first = world.outbox.token
    world.ask("new@example.com")
    second = world.outbox.token
    session = world.claims(world.log_in())
    world.change(session["sub"], session["sid"], "their password", NEW)

    for token in (first, second):
        with pytest.raises(BadLink):
            world.reset(token, "yet another one")


def test_reset_link_expires_after_half_hour(quick):
    quick.newcomer()
    quick.ask("new@example.com")
    quick.rules.clock.advance(1800)

    with pytest.raises(BadLink):
        quick.reset(quick.outbox.token, NEW)


def test_reset_with_invalid_password_keeps_link(quick):
    quick.newcomer()
    quick.ask("new@example.com")

    with pytest.raises(InvalidPassword):
        quick.reset(quick.outbox.token, "short")
    quick.reset(quick.outbox.token, NEW)


def test_reset_of_disabled_account_is_refused(world):
    account = world.newcomer()
    world.ask("new@example.com")
    with world.store.transaction() as tx:
        tx.accounts.set_disabled(account.sub, 1.0)

    with pytest.raises(BadLink):
        world.reset(world.outbox.token, NEW)


def test_reset_request_reveals_no_account(world):
    known = world.rules.account()
    disabled = world.rules.account(disabled_at=1.0)
    for address in (known.email, disabled.email, "unknown@example.com", "no address"):
        assert world.ask(address) is None

    assert world.outbox.work == 4
    assert [mail.to for mail in world.outbox.mails] == [known.email]
    world.outbox.full = True
    for address in (known.email, "unknown@example.com"):
        with pytest.raises(MailBusy):
            world.ask(address)


def test_reset_mails_are_limited_per_address(world):
    known = world.rules.account()
    for _ in range(MAX_UNEXPIRED_LINKS + 2):
        world.ask(known.email)

    assert len(world.outbox.mails) == MAX_UNEXPIRED_LINKS


def test_reset_form_wrong_password_changes_nothing(quick):
    quick.newcomer()
    session = quick.claims(quick.log_in())

    with pytest.raises(WrongPassword):
        quick.change(session["sub"], session["sid"], "not theirs", NEW)


FORM = re.compile(r'name="_form" value="([^"]+)"')


DORA = {"email": "dora@example.com", "password": "pässword of Dora", "name": "Dora"}


def log_in(client, **more):
    return client.post("/login", json={"email": DORA["email"], "password": DORA["password"]} | more)


def press(client, page, action, **fields):
    form = FORM.search(client.get(page).text)[1]
    return client.post(action, data={"_form": form} | fields)


@pytest.mark.parametrize("email", ["alice@example.com", "unknown@example.com", "no address"])
def test_http_reset_request_is_always_accepted(client, email):
    answer = client.post("/password-resets", json={"email": email})

    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted"})


def test_http_reset_ends_every_session(client, outbox):
    client.post("/accounts", json=DORA)
    refresh = log_in(client).get_json()["refresh_token"]
    client.post("/password-resets", json={"email": DORA["email"]})

    answer = client.post("/password-resets/redeem", json={"token": outbox.token, "new_password": NEW})

    assert answer.status_code == 204
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert client.post("/oauth/token", data=form).status_code == 400
    assert log_in(client, password=NEW).status_code == 200
    assert log_in(client).status_code == 401


def test_page_chooses_a_new_password(client, outbox):
    client.post("/accounts", json=DORA)
    client.post("/password-resets", json={"email": DORA["email"]})
    page, action = f"/password-resets/redeem?token={outbox.token}", "/password-resets/redeem"

    refused = press(client, page, action, token=outbox.token, new_password="short")
    done = press(client, page, action, token=outbox.token, new_password=NEW)
    again = press(client, page, action, token=outbox.token, new_password=NEW)

    assert (refused.status_code, done.status_code, again.status_code) == (422, 200, 400)
    assert "The password must have 8 to 1024 characters." in refused.text
    assert log_in(client, password=NEW).status_code == 200


def test_page_shows_too_busy(client, outbox, hasher):
    client.post("/accounts", json=DORA)
    client.post("/password-resets", json={"email": DORA["email"]})
    hasher.busy = True
    page, action = f"/password-resets/redeem?token={outbox.token}", "/password-resets/redeem"

    answer = press(client, page, action, token=outbox.token, new_password=NEW)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "<h1>" in answer.text
