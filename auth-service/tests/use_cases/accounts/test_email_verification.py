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


def test_verification_link_works_once(world):
    account = world.newcomer()
    token = world.outbox.token
    assert world.outbox.last.to == "new@example.com"
    assert account.email_verified_at is None

    world.verify(token)

    assert world.account(account.sub).email_verified_at == world.rules.clock()
    with pytest.raises(BadLink):
        world.verify(token)


def test_unverified_log_in_gets_own_profile_only(world):
    world.newcomer()

    answer = world.log_in()

    claims = world.claims(answer)
    assert set(claims["scope"].split()) == set(answer.scope.split()) == OWN
    assert set(claims["aud"]) == {"auth-service", "users-service"}
    assert claims["roles"] == ["customer"]


def test_refresh_after_verification_gets_all_scopes(world):
    world.newcomer()
    before = world.log_in()
    world.verify(world.outbox.token)

    after = world.rules.refresh(before.refresh_token, None, None, ())

    assert set(after.scope.split()) == ROLE_SCOPES["customer"]
    assert "orders-service" in world.claims(after)["aud"]


def test_unverified_refresh_stays_within_own_profile(quick):
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
def test_unverified_request_for_more_opens_no_session(quick, scopes, audiences, refusal):
    account = quick.newcomer()

    with pytest.raises(refusal):
        quick.log_in(scopes=scopes and frozenset(scopes), audiences=audiences)

    with quick.store.reading() as tx:
        assert tx.sessions.list_active(account.sub, quick.rules.clock()) == []


def test_unverified_admin_has_no_admin_scope(quick):
    admin = quick.rules.account(roles=frozenset({"admin"}), email_verified_at=None)

    grant = grant_for_account(admin, quick.rules.client(), None, ())
    answer = quick.rules.open(admin, grant=grant)[2]

    assert set(quick.rules.signer.claims[answer]["scope"].split()) == OWN


def test_second_link_after_verification_is_void(quick):
    account = quick.newcomer()
    session = quick.claims(quick.log_in())
    first = quick.outbox.token
    quick.verify.resend(session["sub"], session["sid"])
    quick.verify(first)
    verified_at = quick.account(account.sub).email_verified_at
    quick.rules.clock.advance(60)

    quick.verify(quick.outbox.token)

    assert quick.account(account.sub).email_verified_at == verified_at


def test_disabled_account_gets_no_link(quick):
    account = quick.newcomer()
    session = quick.claims(quick.log_in())
    with quick.store.transaction() as tx:
        tx.accounts.set_disabled(account.sub, 1.0)

    with pytest.raises(SessionOver):
        quick.verify.resend(session["sub"], session["sid"])


def test_verification_link_expires_after_day(world):
    world.newcomer()
    world.rules.clock.advance(86_400)

    with pytest.raises(BadLink):
        world.verify(world.outbox.token)


def test_link_of_another_purpose_is_refused(world):
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


def test_registration_of_known_address_costs_same(world):
    world.newcomer()
    first = world.outbox.work
    world.rules.hasher.work.clear()

    world.register("new@example.com", "another password", "Mallory")

    assert world.rules.hasher.work == ["hash"]
    assert world.outbox.work == first + 1
    assert world.outbox.last.kind == "already_here"
    assert world.outbox.last.link is None
    assert "Mallory" not in world.outbox.last.text


def test_resend_is_limited_per_day(world):
    world.newcomer()
    session = world.claims(world.log_in())

    for _ in range(8):
        world.verify.resend(session["sub"], session["sid"])

    assert len(world.outbox.letters) == 5
    world.verify(world.outbox.token)
    world.verify.resend(session["sub"], session["sid"])
    assert len(world.outbox.letters) == 5


def test_resend_needs_a_live_session(quick):
    account = quick.newcomer()

    with pytest.raises(SessionOver):
        quick.verify.resend(account.sub, "no such session")


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
    for address in (known.email, disabled.email, "nobody@example.com", "no address"):
        assert world.ask(address) is None

    assert world.outbox.work == 4
    assert [letter.to for letter in world.outbox.letters] == [known.email]
    world.outbox.full = True
    for address in (known.email, "nobody@example.com"):
        with pytest.raises(MailBusy):
            world.ask(address)


def test_reset_mails_are_limited_per_address(world):
    known = world.rules.account()
    for _ in range(MAX_UNEXPIRED_LINKS + 2):
        world.ask(known.email)

    assert len(world.outbox.letters) == MAX_UNEXPIRED_LINKS


def test_reset_form_wrong_password_changes_nothing(quick):
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


def test_http_verification_by_token(client, outbox):
    client.post("/accounts", json=DORA)
    assert set(log_in(client).get_json()["scope"].split()) == OWN

    answer = client.post("/account/verification/confirm", json={"token": outbox.token})

    assert answer.status_code == 204
    assert "orders:write" in log_in(client).get_json()["scope"]
    assert client.post("/account/verification/confirm", json={"token": outbox.token}).status_code == 401


def test_page_verifies_by_button_alone(client, outbox):
    client.post("/accounts", json=DORA)
    page = f"/account/verification?token={outbox.token}"
    assert client.get(page).status_code == 200

    answer = press(client, page, "/account/verification/confirm", token=outbox.token)

    assert answer.status_code == 200
    assert "confirmed" in answer.text
    assert press(client, page, "/account/verification/confirm", token=outbox.token).status_code == 400


def test_cross_site_form_verifies_nothing(client, outbox):
    client.post("/accounts", json=DORA)

    answer = client.post("/account/verification/confirm", data={"token": outbox.token, "_form": "made up"})

    assert answer.status_code == 403
    assert client.post("/account/verification/confirm", json={"token": outbox.token}).status_code == 204


def test_http_resend_needs_bearer_token(client, outbox):
    client.post("/accounts", json=DORA)
    mine = bearer(log_in(client))

    assert client.post("/account/verification", headers=mine).status_code == 202
    assert client.post("/account/verification").status_code == 401
    assert len(outbox.letters) == 2


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com", "no address"])
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


@pytest.mark.parametrize("path", ["/magic-links/redeem", "/account/verification", "/password-resets/redeem"])
def test_page_without_valid_token_is_error_page(client, path):
    assert client.get(path).status_code == 200
    assert client.get(f"{path}?token=%ff").status_code == 400
    assert client.get(f"{path}?token={'x' * 20_000}").status_code == 400
