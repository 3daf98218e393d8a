"""Verification of an email address, over HTTP too."""

import re

import pytest
from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.accounts.errors import BadLink
from auth_service.domain.oauth.errors import InvalidScope, InvalidTarget
from auth_service.domain.oauth.scopes import grant_for_account
from auth_service.domain.sessions.errors import SessionOver

REGISTRY = packaged_rows().registry
OWN = {"profile:read", "profile:write"}


NEW = "some unrelated words"


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

    assert set(after.scope.split()) == REGISTRY.scopes_of(["customer"])
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

    grant = grant_for_account(REGISTRY, admin, quick.rules.client(), None, ())
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

    assert len(world.outbox.mails) == 5
    world.verify(world.outbox.token)
    world.verify.resend(session["sub"], session["sid"])
    assert len(world.outbox.mails) == 5


def test_resend_needs_a_live_session(quick):
    account = quick.newcomer()

    with pytest.raises(SessionOver):
        quick.verify.resend(account.sub, "no such session")


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
    assert len(outbox.mails) == 2


@pytest.mark.parametrize("path", ["/magic-links/redeem", "/account/verification", "/password-resets/redeem"])
def test_page_without_valid_token_is_error_page(client, path):
    assert client.get(path).status_code == 200
    assert client.get(f"{path}?token=%ff").status_code == 400
    assert client.get(f"{path}?token={'x' * 20_000}").status_code == 400
