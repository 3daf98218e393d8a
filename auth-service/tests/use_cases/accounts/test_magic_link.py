"""Log-in by a mailed link or code."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from auth_service.domain.accounts.errors import BadLink, BindingMissing, MailBusy
from auth_service.domain.accounts.one_time_token import code_digest, normalise_code
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.errors import InvalidClient, InvalidScope
from auth_service.domain.opaque_tokens import TYPED_ALPHABET, new_typed_code
from auth_service.use_cases.accounts.browser_login import BeginBrowserSession
from auth_service.use_cases.accounts.login import PasswordCheck, RequestedAccess
from auth_service.use_cases.accounts.magic_link import (
    MAX_UNEXPIRED_LINKS,
    LinkCode,
    LinkToken,
    MagicLinkLogin,
    MagicLinkRequest,
)
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

CLI = RequestedAccess("cli")


class World:
    """Requests and log-ins over one store, as one user makes them."""

    def __init__(self, rules, outbox):
        self.rules, self.outbox, self.store = rules, outbox, rules.store
        enter = BeginBrowserSession(rules.store, PasswordCheck(rules.store, rules.hasher), rules.clock)
        self.ask = MagicLinkRequest(rules.store, outbox, "http://localhost:8080", rules.clock)
        self.redeem = MagicLinkLogin(rules.store, rules.clients, rules.token_issuer, enter)

    def asked(self, account):
        """Return the token, the code and the binding."""
        binding = self.ask(account.email)
        return self.outbox.token, self.outbox.code, binding


@pytest.fixture
def world(database, make_rules, outbox):
    return World(make_rules(database), outbox)


def other_code(code):
    return code.translate(str.maketrans(TYPED_ALPHABET, TYPED_ALPHABET[1:] + TYPED_ALPHABET[0]))


def refused(world, shown):
    with pytest.raises(BadLink) as refusal:
        world.redeem(shown, CLI)
    return str(refusal.value)


def test_link_logs_in_where_it_was_requested(world):
    account = world.rules.account()
    token, _, binding = world.asked(account)

    answer = world.redeem(LinkToken(token, binding), CLI)

    claims = world.rules.signer.claims[answer.access_token]
    assert claims["sub"] == account.sub
    assert answer.refresh_token
    session = world.rules.session(claims["sid"])
    assert session.methods == ("otp",)


def test_code_logs_in_however_typed(world):
    account = world.rules.account(email="someone@example.com")
    _, code, binding = world.asked(account)

    answer = world.redeem(LinkCode("Someone@Example.com", code.lower().replace("-", " "), binding), CLI)

    assert world.rules.signer.claims[answer.access_token]["sub"] == account.sub


def test_login_by_mail_is_audited_without_secrets(world):
    account = world.rules.account()
    token, _, binding = world.asked(account)
    world.redeem(LinkToken(token, binding), CLI)
    refused(world, LinkToken(token, binding))

    with world.store.reading() as tx:
        second, first = tx.audit.list_newest(AuditQuery(event="logged_in"), 10)
    assert (first.outcome, first.subject, first.detail["by"]) == ("ok", account.sub, "link")
    assert second.outcome == "refused"
    assert token not in f"{first}{second}"


def test_link_works_once(world):
    token, _, binding = world.asked(world.rules.account())
    world.redeem(LinkToken(token, binding), CLI)

    refused(world, LinkToken(token, binding))


def test_link_and_code_are_used_up_together(world):
    account = world.rules.account()
    token, code, binding = world.asked(account)
    world.redeem(LinkCode(account.email, code, binding), CLI)
    refused(world, LinkToken(token, binding))

    token, code, binding = world.asked(account)
    world.redeem(LinkToken(token, binding), CLI)
    refused(world, LinkCode(account.email, code, binding))


def test_link_expires_after_ten_minutes(world):
    account = world.rules.account()
    early, _, first = world.asked(account)
    late, code, second = world.asked(account)
    world.rules.clock.advance(599)
    world.redeem(LinkToken(early, first), CLI)
    world.rules.clock.advance(1)

    refused(world, LinkToken(late, second))
    refused(world, LinkCode(account.email, code, second))


def test_wrong_binding_uses_nothing_up(world):
    account = world.rules.account()
    token, code, binding = world.asked(account)
    _, _, other = world.asked(account)

    refused(world, LinkToken(token, other))
    refused(world, LinkCode(account.email, code, other))
    assert world.redeem(LinkToken(token, binding), CLI)


@pytest.mark.parametrize("binding", [None, ""])
def test_missing_binding_is_refused_unread(world, binding):
    account = world.rules.account()
    token, code, kept = world.asked(account)

    with pytest.raises(BindingMissing):
        world.redeem(LinkToken(token, binding), CLI)
    with pytest.raises(BindingMissing):
        world.redeem(LinkCode(account.email, code, binding), CLI)
    assert world.redeem(LinkToken(token, kept), CLI)


def test_code_dies_after_five_tries_and_link_lives(world):
    account = world.rules.account()
    token, code, binding = world.asked(account)
    for _ in range(5):
        refused(world, LinkCode(account.email, other_code(code), binding))

    refused(world, LinkCode(account.email, code, binding))
    assert world.redeem(LinkToken(token, binding), CLI)


def test_code_fifth_try_can_succeed(world):
    account = world.rules.account()
    _, code, binding = world.asked(account)
    for _ in range(4):
        refused(world, LinkCode(account.email, other_code(code), binding))

    assert world.redeem(LinkCode(account.email, code, binding), CLI)


def test_code_concurrent_tries_are_counted(world):
    account = world.rules.account()
    _, code, binding = world.asked(account)
    wrong = LinkCode(account.email, other_code(code), binding)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refused(world, wrong), range(8)))

    refused(world, LinkCode(account.email, code, binding))


def test_concurrent_redeems_open_one_session(world):
    account = world.rules.account()
    token, code, binding = world.asked(account)
    both = [LinkToken(token, binding), LinkCode(account.email, code, binding)]

    def redeem(number):
        try:
            # the code has five tries: a handful of the fifty
            return world.redeem(both[number % 10 == 0], CLI)
        except BadLink:
            return None

    with ThreadPoolExecutor(10) as pool:
        answers = [answer for answer in pool.map(redeem, range(50)) if answer]

    assert len(answers) == 1
    with world.store.reading() as tx:
        assert len(tx.sessions.list_active(account.sub, world.rules.clock())) == 1


def test_request_costs_same_and_mails_known_address(world):
    known = world.rules.account()
    disabled = world.rules.account(disabled_at=1.0)
    addresses = [known.email, disabled.email, "unknown@example.com", "no address at all"]

    bindings = [world.ask(address) for address in addresses]

    assert len({len(binding) for binding in bindings}) == 1
    assert world.outbox.work == len(addresses)
    assert [mail.to for mail in world.outbox.mails] == [known.email]


def test_request_with_full_outbox_answers_alike(world):
    account = world.rules.account()
    world.outbox.full = True

    for address in (account.email, "unknown@example.com"):
        with pytest.raises(MailBusy):
            world.ask(address)


def test_unknown_address_opens_nothing(world):
    binding = world.ask("unknown@example.com")

    refused(world, LinkCode("unknown@example.com", new_typed_code(), binding))


def test_mails_are_limited_without_sign(world):
    account = world.rules.account()
    for _ in range(MAX_UNEXPIRED_LINKS + 3):
        world.ask(account.email)

    assert len(world.outbox.mails) == MAX_UNEXPIRED_LINKS
    assert world.outbox.work == MAX_UNEXPIRED_LINKS + 3
    world.rules.clock.advance(600)
    world.ask(account.email)
    assert len(world.outbox.mails) == MAX_UNEXPIRED_LINKS + 1


def test_account_disabled_after_mail_is_refused(world):
    account = world.rules.account()
    token, _, binding = world.asked(account)
    with world.store.transaction() as tx:
        tx.accounts.set_disabled(account.sub, world.rules.clock())

    refused(world, LinkToken(token, binding))


def test_invalid_request_uses_nothing_up(world):
    account = world.rules.account()
    token, _, binding = world.asked(account)
    shown = LinkToken(token, binding)

    with pytest.raises(InvalidScope):
        world.redeem(shown, RequestedAccess("cli", frozenset({"admin"})))
    with pytest.raises(InvalidClient):
        world.redeem(shown, RequestedAccess("orders-service"))
    assert world.redeem(shown, CLI)


def test_refusal_has_one_text(world):
    account = world.rules.account()
    token, code, binding = world.asked(account)
    _, _, other = world.asked(account)

    said = {
        refused(world, LinkToken(token, other)),
        refused(world, LinkToken("made up", binding)),
        refused(world, LinkCode(account.email, other_code(code), binding)),
        refused(world, LinkCode("unknown@example.com", code, binding)),
    }

    assert len(said) == 1


def test_database_holds_only_digests(sqlite, make_rules, outbox):
    world = World(make_rules(sqlite), outbox)
    account = world.rules.account()
    token, code, binding = world.asked(account)

    with sqlite._database.read() as db:
        kept = repr(db.execute(text("select * from one_time_tokens")).all())

    assert not any(secret in kept for secret in (token, code, normalise_code(code), binding))


def test_expired_mail_is_deleted(database, make_rules, outbox):
    world = World(make_rules(database), outbox)
    world.ask("unknown@example.com")
    world.rules.clock.advance(601)

    database.prune(world.rules.clock())

    with database._database.read() as db:
        assert db.execute(text("select count(*) from one_time_tokens")).scalar() == 0


@given(typed=st.text(max_size=60), email=st.text(max_size=20), binding=st.text(max_size=60))
def test_any_typed_code_has_a_digest(typed, email, binding):
    assert len(code_digest(binding, email, typed)) == 32


@given(st.integers())
def test_code_normalisation(seed):
    code = new_typed_code()

    assert (
        normalise_code(code)
        == normalise_code(code.lower())
        == normalise_code(f" {code.replace('-', ' - ')} ")
    )
    assert len(normalise_code(code)) == 8
    assert set(normalise_code(code)) <= set(TYPED_ALPHABET)
