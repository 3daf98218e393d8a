"""Verified addresses and new passwords, by mailed links: what they change, how often, and what they never tell."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth_service.domain.accounts.errors import BadLink, InvalidPassword, MailBusy, WrongPassword
from auth_service.domain.oauth.errors import InvalidScope, InvalidTarget
from auth_service.domain.oauth.scopes import ROLE_SCOPES, grant_for_account
from auth_service.domain.sessions.errors import SessionOver
from auth_service.use_cases.accounts.email_verification import EmailVerification, SendVerification
from auth_service.use_cases.accounts.login import Login
from auth_service.use_cases.accounts.password_change import PasswordChange
from auth_service.use_cases.accounts.password_reset import (
    MAX_UNEXPIRED_LINKS,
    PasswordReset,
    PasswordResetRequest,
)
from auth_service.use_cases.accounts.registration import Registration

OWN = {"profile:read", "profile:write"}
NEW = "some unrelated words"


class World:
    """Registering, verifying and resetting over one store."""

    def __init__(self, rules, outbox):
        self.rules, self.outbox, self.store = rules, outbox, rules.store
        issuer = "http://localhost:8080"
        send_verification = SendVerification(outbox, issuer, rules.clock)
        self.register = Registration(rules.store, rules.hasher, rules.clock, send_verification)
        self.verify = EmailVerification(rules.store, send_verification, rules.clock)
        self.ask = PasswordResetRequest(rules.store, outbox, issuer, rules.clock)
        self.reset = PasswordReset(rules.store, rules.hasher, rules.clock)
        self.change = PasswordChange(rules.store, rules.hasher, rules.clock)
        self._log_in = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer)

    def newcomer(self, email="new@example.com"):
        self.register(email, "their password", "New")
        with self.store.reading() as tx:
            return tx.accounts.find_by_email(email)

    def log_in(self, email="new@example.com", password="their password", scopes=None, audiences=()):
        return self._log_in(email, password, "cli", scopes, audiences)

    def claims(self, answer):
        return self.rules.signer.claims[answer.access_token]

    def account(self, sub):
        with self.store.reading() as tx:
            return tx.accounts.get(sub)


@pytest.fixture
def world(database, make_rules, outbox):
    return World(make_rules(database), outbox)


@pytest.fixture
def quick(memory, make_rules, outbox):
    """The same over a store in memory, for rules that no database takes part in."""
    return World(make_rules(memory), outbox)


def test_a_newcomer_is_mailed_a_link_that_verifies_once(world):
    account = world.newcomer()
    token = world.outbox.token
    assert world.outbox.last.to == "new@example.com"
    assert account.email_verified_at is None

    world.verify(token)

    assert world.account(account.sub).email_verified_at == world.rules.clock()
    with pytest.raises(BadLink):
        world.verify(token)


def test_before_that_a_log_in_gives_ones_own_profile_and_nothing_else(world):
    world.newcomer()

    answer = world.log_in()

    claims = world.claims(answer)
    assert set(claims["scope"].split()) == set(answer.scope.split()) == OWN
    assert set(claims["aud"]) == {"auth-service", "users-service"}
    assert claims["roles"] == ["customer"]


def test_after_it_the_next_refresh_gives_all_that_the_role_allows(world):
    world.newcomer()
    before = world.log_in()
    world.verify(world.outbox.token)

    after = world.rules.refresh(before.refresh_token, None, None, ())

    assert set(after.scope.split()) == ROLE_SCOPES["customer"]
    assert "orders-service" in world.claims(after)["aud"]


def test_a_refresh_before_it_stays_within_ones_own_profile_and_uses_nothing_up_for_asking(quick):
    quick.newcomer()
    answer = quick.log_in()

    with pytest.raises(InvalidTarget):
        quick.rules.refresh(answer.refresh_token, None, None, ("orders-service",))
    with pytest.raises(InvalidScope):
        quick.rules.refresh(answer.refresh_token, None, frozenset({"orders:read"}), ())
    assert set(quick.rules.refresh(answer.refresh_token, None, None, ()).scope.split()) == OWN


@pytest.mark.parametrize(
    ("scopes", "audiences", "refusal"),
    [({"orders:read"}, (), InvalidScope), (None, ("orders-service",), InvalidTarget)],
)
def test_asking_for_what_there_is_not_yet_opens_no_session(quick, scopes, audiences, refusal):
    account = quick.newcomer()

    with pytest.raises(refusal):
        quick.log_in(scopes=scopes and frozenset(scopes), audiences=audiences)

    with quick.store.reading() as tx:
        assert tx.sessions.list_active(account.sub, quick.rules.clock()) == []


def test_an_administrators_role_waits_for_the_proof_as_well(quick):
    admin = quick.rules.account(roles=frozenset({"admin"}), email_verified_at=None)

    grant = grant_for_account(admin, quick.rules.client(), None, ())
    answer = quick.rules.open(admin, grant=grant)[2]

    assert set(quick.rules.signer.claims[answer]["scope"].split()) == OWN


def test_a_second_link_changes_nothing_once_the_address_is_verified(quick):
    account = quick.newcomer()
    session = quick.claims(quick.log_in())
    first = quick.outbox.token
    quick.verify.resend(session["sub"], session["sid"])
    quick.verify(first)
    verified_at = quick.account(account.sub).email_verified_at
    quick.rules.clock.advance(60)

    quick.verify(quick.outbox.token)

    assert quick.account(account.sub).email_verified_at == verified_at


def test_an_account_that_was_disabled_gets_no_further_link(quick):
    account = quick.newcomer()
    session = quick.claims(quick.log_in())
    with quick.store.transaction() as tx:
        tx.accounts.set_disabled(account.sub, 1.0)

    with pytest.raises(SessionOver):
        quick.verify.resend(session["sub"], session["sid"])


def test_a_verification_link_lives_a_day(world):
    world.newcomer()
    world.rules.clock.advance(86_400)

    with pytest.raises(BadLink):
        world.verify(world.outbox.token)


def test_no_link_does_what_another_is_for(world):
    world.newcomer()
    verification = world.outbox.token
    world.ask("new@example.com")
    reset = world.outbox.token

    with pytest.raises(BadLink):
        world.reset(verification, NEW)
    with pytest.raises(BadLink):
        world.verify(reset)
    world.verify(verification)
    world.reset(reset, NEW)


def test_an_existing_address_is_told_and_costs_the_same(world):
    world.newcomer()
    first = world.outbox.work
    world.rules.hasher.work.clear()

    world.register("new@example.com", "another password", "Mallory")

    assert world.rules.hasher.work == ["hash"]
    assert world.outbox.work == first + 1
    assert world.outbox.last.kind == "already_here"
    assert world.outbox.last.link is None
    assert "Mallory" not in world.outbox.last.text


def test_whoever_is_logged_in_gets_the_link_again_a_few_times_a_day(world):
    world.newcomer()
    session = world.claims(world.log_in())

    for _ in range(8):
        world.verify.resend(session["sub"], session["sid"])

    assert len(world.outbox.letters) == 5
    world.verify(world.outbox.token)
    world.verify.resend(session["sub"], session["sid"])
    assert len(world.outbox.letters) == 5


def test_a_session_that_is_over_asks_for_nothing(quick):
    account = quick.newcomer()

    with pytest.raises(SessionOver):
        quick.verify.resend(account.sub, "no such session")


def test_a_new_password_by_mail_ends_every_session_and_verifies_the_address(world):
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


def test_a_new_password_by_mail_logs_every_browser_out(world):
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


def test_a_reset_link_works_once_however_many_use_it_at_once(world):
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


def test_a_reset_link_dies_with_the_password_that_it_was_asked_for(world):
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


def test_a_reset_link_lives_half_an_hour(quick):
    quick.newcomer()
    quick.ask("new@example.com")
    quick.rules.clock.advance(1800)

    with pytest.raises(BadLink):
        quick.reset(quick.outbox.token, NEW)


def test_a_password_that_cannot_be_uses_nothing_up(quick):
    quick.newcomer()
    quick.ask("new@example.com")

    with pytest.raises(InvalidPassword):
        quick.reset(quick.outbox.token, "short")
    quick.reset(quick.outbox.token, NEW)


def test_an_account_disabled_meanwhile_gets_no_new_password(world):
    account = world.newcomer()
    world.ask("new@example.com")
    with world.store.transaction() as tx:
        tx.accounts.set_disabled(account.sub, 1.0)

    with pytest.raises(BadLink):
        world.reset(world.outbox.token, NEW)


def test_asking_for_a_new_password_tells_nobody_who_has_an_account(world):
    known = world.rules.account()
    disabled = world.rules.account(disabled_at=1.0)
    for address in (known.email, disabled.email, "nobody@example.com", "no address"):
        assert world.ask(address) is None

    assert world.outbox.work == 4
    assert [letter.to for letter in world.outbox.letters] == [known.email]
    world.outbox.full = True
    for address in (known.email, "nobody@example.com"):
        with pytest.raises(MailBusy):
            world.ask(address)


def test_one_address_is_not_flooded_with_resets(world):
    known = world.rules.account()
    for _ in range(MAX_UNEXPIRED_LINKS + 2):
        world.ask(known.email)

    assert len(world.outbox.letters) == MAX_UNEXPIRED_LINKS


def test_a_wrong_current_password_changes_nothing(quick):
    quick.newcomer()
    session = quick.claims(quick.log_in())

    with pytest.raises(WrongPassword):
        quick.change(session["sub"], session["sid"], "not theirs", NEW)


# over HTTP

FORM = re.compile(r'name="_form" value="([^"]+)"')
DORA = {"email": "dora@example.com", "password": "pässword of Dora", "name": "Dora"}


def bearer(answer):
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def log_in(client, **more):
    return client.post("/login", json={"email": DORA["email"], "password": DORA["password"]} | more)


def press(client, page, action, **fields):
    form = FORM.search(client.get(page).text)[1]
    return client.post(action, data={"_form": form} | fields)


def test_over_http_a_newcomer_verifies_with_a_token(client, outbox):
    client.post("/accounts", json=DORA)
    assert set(log_in(client).get_json()["scope"].split()) == OWN

    answer = client.post("/account/verification/confirm", json={"token": outbox.token})

    assert answer.status_code == 204
    assert "orders:write" in log_in(client).get_json()["scope"]
    assert client.post("/account/verification/confirm", json={"token": outbox.token}).status_code == 401


def test_a_browser_shows_a_button_that_verifies_and_looking_uses_nothing_up(client, outbox):
    client.post("/accounts", json=DORA)
    page = f"/account/verification?token={outbox.token}"
    assert client.get(page).status_code == 200

    answer = press(client, page, "/account/verification/confirm", token=outbox.token)

    assert answer.status_code == 200
    assert "confirmed" in answer.text
    assert press(client, page, "/account/verification/confirm", token=outbox.token).status_code == 400


def test_a_form_of_another_site_verifies_nothing(client, outbox):
    client.post("/accounts", json=DORA)

    answer = client.post("/account/verification/confirm", data={"token": outbox.token, "_form": "made up"})

    assert answer.status_code == 403
    assert client.post("/account/verification/confirm", json={"token": outbox.token}).status_code == 204


def test_over_http_the_link_is_mailed_again_with_a_bearer_token(client, outbox):
    client.post("/accounts", json=DORA)
    mine = bearer(log_in(client))

    assert client.post("/account/verification", headers=mine).status_code == 202
    assert client.post("/account/verification").status_code == 401
    assert len(outbox.letters) == 2


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com", "no address"])
def test_over_http_asking_for_a_new_password_is_always_accepted(client, email):
    answer = client.post("/password-resets", json={"email": email})

    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted"})


def test_over_http_a_new_password_ends_every_session(client, outbox):
    client.post("/accounts", json=DORA)
    refresh = log_in(client).get_json()["refresh_token"]
    client.post("/password-resets", json={"email": DORA["email"]})

    answer = client.post("/password-resets/redeem", json={"token": outbox.token, "new_password": NEW})

    assert answer.status_code == 204
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert client.post("/oauth/token", data=form).status_code == 400
    assert log_in(client, password=NEW).status_code == 200
    assert log_in(client).status_code == 401


def test_a_browser_chooses_a_new_password_on_a_page(client, outbox):
    client.post("/accounts", json=DORA)
    client.post("/password-resets", json={"email": DORA["email"]})
    page, action = f"/password-resets/redeem?token={outbox.token}", "/password-resets/redeem"

    refused = press(client, page, action, token=outbox.token, new_password="short")
    done = press(client, page, action, token=outbox.token, new_password=NEW)
    again = press(client, page, action, token=outbox.token, new_password=NEW)

    assert (refused.status_code, done.status_code, again.status_code) == (422, 200, 400)
    assert "The password must have 8 to 1024 characters." in refused.text
    assert log_in(client, password=NEW).status_code == 200


def test_a_busy_hasher_is_told_on_the_page(client, outbox, hasher):
    client.post("/accounts", json=DORA)
    client.post("/password-resets", json={"email": DORA["email"]})
    hasher.busy = True
    page, action = f"/password-resets/redeem?token={outbox.token}", "/password-resets/redeem"

    answer = press(client, page, action, token=outbox.token, new_password=NEW)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", ["/magic-links/redeem", "/account/verification", "/password-resets/redeem"])
def test_a_page_without_a_token_or_with_an_unreadable_one_is_a_page(client, path):
    assert client.get(path).status_code == 200
    assert client.get(f"{path}?token=%ff").status_code == 400
    assert client.get(f"{path}?token={'x' * 20_000}").status_code == 400
