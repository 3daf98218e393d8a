"""The device grant: approval, polling, and one session for one approval."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.device_code import normalise_user_code
from auth_service.domain.oauth.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    TooManyTries,
    UnauthorizedClient,
    UnknownUserCode,
)
from auth_service.domain.opaque_tokens import TYPED_ALPHABET, new_typed_code
from auth_service.domain.request_context import RequestOrigin, with_origin
from auth_service.domain.sessions.browser_session import BrowserSession, BrowserUser
from auth_service.use_cases.oauth.device_approval import DeviceApproval
from auth_service.use_cases.oauth.device_authorization import DeviceAuthorization
from auth_service.use_cases.oauth.device_code_grant import DeviceCodeGrant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SCOPES = frozenset({"orders:read", "profile:read"})


@pytest.fixture
def start(rules):
    start = DeviceAuthorization(rules.store, rules.clock)
    return lambda client="cli", scopes=SCOPES, audiences=(): start(rules.client(client), scopes, audiences)


@pytest.fixture
def poll(rules):
    grant = DeviceCodeGrant(rules.store, rules.token_issuer)
    return lambda started, client="cli": grant(rules.client(client), started.device_code)


@pytest.fixture
def answer(rules):
    return DeviceApproval(rules.store, rules.clients, rules.clock)


@pytest.fixture
def signed_in(rules):
    def signed_in(account):
        now = rules.clock()
        return BrowserUser(BrowserSession(b"d", account.sub, ("pwd",), now - 60, now, now + 3600), account)

    return signed_in


@pytest.fixture
def approve(answer, signed_in, alice):
    return lambda started, shown=SCOPES: answer.decide(started.user_code, signed_in(alice), shown)


def test_device_waits_then_gets_tokens(rules, start, poll, approve, alice):
    started = start()
    with pytest.raises(AuthorizationPending):
        poll(started)
    rules.clock.advance(5)
    approve(started)

    answer = poll(started)

    claims = rules.signer.claims[answer.access_token]
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (
        alice.sub,
        "cli",
        "orders:read profile:read",
    )
    assert claims["auth_time"] == int(rules.clock()) - 60
    assert answer.refresh_token
    assert (started.expires_in, started.interval) == (600, 5)


def test_device_code_works_once(rules, start, poll, approve):
    started = start()
    approve(started)
    poll(started)
    rules.clock.advance(60)

    with pytest.raises(InvalidGrant):
        poll(started)


def polls(rules, poll, started, *waits):
    """Return the responses of polls after these waits, in seconds."""
    answers = []
    for wait in waits:
        rules.clock.advance(wait)
        try:
            answers.append(type(poll(started)).__name__)
        except OAuthError as refused:
            answers.append(refused.slug)
    return answers


@pytest.mark.parametrize("wait", [4.0, 4.98, 5.0, 10.0])
def test_poll_one_second_early_is_accepted(rules, start, poll, wait):
    assert polls(rules, poll, start(), 0, *[wait] * 20) == ["authorization_pending"] * 21


def test_poll_too_early_is_slowed_without_penalty(rules, start, poll):
    early, due = "slow_down", "authorization_pending"

    assert polls(rules, poll, start(), 0, 0, 1, 2.9, 0.1) == [due, early, early, early, due]


def test_poll_with_five_seconds_added_succeeds(rules, start, poll):
    answers = polls(rules, poll, start(), 0, 1, 6, 10, 10)

    assert answers == ["authorization_pending", "slow_down", *["authorization_pending"] * 3]


@given(st.floats(0.01, 60.0), st.integers(0, 40))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_poll_at_any_fixed_interval_succeeds(rules, start, poll, approve, every, before):
    """The first poll 4 seconds or more after the last accepted one is answered."""
    started = start()
    polls(rules, poll, started, *[every] * min(before, int(500 / every)))
    approve(started)

    assert "TokenResponse" in polls(rules, poll, started, *[every] * (int(4 / every) + 1))


def test_early_poll_gets_no_tokens_when_approved(rules, start, poll, approve):
    started = start()
    with pytest.raises(AuthorizationPending):
        poll(started)
    approve(started)

    assert polls(rules, poll, started, 3, 1) == ["slow_down", "TokenResponse"]


def test_early_poll_of_used_code_is_refused(start, poll, approve):
    started = start()
    approve(started)
    poll(started)

    with pytest.raises(InvalidGrant):
        poll(started)


def test_device_denied(rules, start, poll, approve):
    started = start()
    approve(started, None)

    for _ in range(2):
        with pytest.raises(AccessDenied):
            poll(started)
        rules.clock.advance(5)


def test_device_code_expires_after_ten_minutes(rules, start, poll, approve):
    started, answered = start(), start()
    approve(answered)
    rules.clock.advance(600)

    for late in (started, answered):
        with pytest.raises(ExpiredToken):
            poll(late)
    with pytest.raises(UnknownUserCode):
        approve(started)


@pytest.mark.parametrize("first", [SCOPES, None])
@pytest.mark.parametrize("second", [SCOPES, None])
def test_request_is_decided_once(start, approve, first, second):
    started = start()
    approve(started, first)

    with pytest.raises(UnknownUserCode):
        approve(started, second)


def test_poll_by_another_client_is_refused(rules, start, poll, approve):
    rules.register("tv", grants=rules.client("cli").grants)
    started = start()
    approve(started)

    with pytest.raises(InvalidGrant):
        poll(started, "tv")
    assert poll(started).access_token


def test_device_code_unknown_is_refused(poll, start):
    from auth_service.use_cases.oauth.device_authorization import DeviceAuthorizationResponse

    with pytest.raises(InvalidGrant):
        poll(DeviceAuthorizationResponse("made up", "made up"))


def test_client_without_device_grant_is_refused(start, poll):
    with pytest.raises(UnauthorizedClient):
        start("console")
    with pytest.raises(UnauthorizedClient):
        poll(start(), "console")


def test_request_beyond_client_is_refused(start):
    with pytest.raises(InvalidScope):
        start(scopes=frozenset({"everything"}))
    with pytest.raises(InvalidTarget):
        start(audiences=("elsewhere",))


def test_grant_is_narrowed_to_account(rules, start, poll, answer, signed_in, alice):
    started = start(scopes=frozenset({"orders:read", "admin"}))

    asked = answer.find(started.user_code, signed_in(alice))
    answer.decide(started.user_code, signed_in(alice), frozenset(asked.scopes))

    assert asked.scopes == {"orders:read": "See your orders"}
    assert poll(started).scope == "orders:read"


def test_grant_empty_can_only_be_denied(start, poll, answer, signed_in, alice):
    started = start(scopes=frozenset({"admin"}))

    assert answer.find(started.user_code, signed_in(alice)).scopes == {}
    answer.decide(started.user_code, signed_in(alice), frozenset())
    with pytest.raises(AccessDenied):
        poll(started)


def test_approval_of_fewer_scopes_denies(start, poll, approve):
    started = start()
    approve(started, frozenset({"orders:read"}))

    with pytest.raises(AccessDenied):
        poll(started)


def test_account_disabled_after_approval_is_refused(rules, start, poll, approve, alice):
    started = start()
    approve(started)
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, 1.0)

    with pytest.raises(AccessDenied):
        poll(started)


def test_role_lost_after_approval_is_refused(rules, start, poll, approve, alice):
    started = start()
    approve(started)
    with rules.store.transaction() as tx:
        tx.accounts.set_roles(alice.sub, frozenset())

    with pytest.raises(AccessDenied):
        poll(started)


def test_disabled_client_is_not_shown(rules, start, approve):
    started = start()
    rules.register("cli", enabled=False)

    with pytest.raises(UnknownUserCode):
        approve(started)


def test_client_disabled_meanwhile_opens_no_session(rules, start, poll, approve):
    rules.store.rows["clients"]["cli"] = rules.register("cli", enabled=True)
    started = start()
    approve(started)
    with rules.store.transaction() as tx:
        tx.clients.set_disabled("cli", 1.0)

    with pytest.raises(InvalidClient):
        poll(started)


def test_wrong_user_codes_are_throttled_after_five(rules, start, answer, signed_in, alice):
    started, who = start(), signed_in(alice)
    for _ in range(5):
        with pytest.raises(UnknownUserCode):
            answer.find("BBBB-BBBB", who)

    with pytest.raises(TooManyTries) as refused:
        answer.find(started.user_code, who)
    assert refused.value.retry_after == 31
    rules.clock.advance(31)
    assert answer.find(started.user_code, who)

    with pytest.raises(UnknownUserCode):
        answer.find("BBBB-BBBB", who)
    with pytest.raises(TooManyTries) as refused:
        answer.find(started.user_code, who)
    assert refused.value.retry_after == 61


def test_wrong_user_codes_count_per_account(rules, start, answer, signed_in, alice):
    for _ in range(5):
        with pytest.raises(UnknownUserCode):
            answer.find("BBBB-BBBB", signed_in(alice))

    assert answer.find(start().user_code, signed_in(rules.account()))


def test_wrong_user_codes_count_per_address(rules, start, answer, signed_in):
    with with_origin(RequestOrigin(address="203.0.113.7")):
        for number in range(50):
            with pytest.raises(UnknownUserCode):
                answer.find("BBBB-BBBB", signed_in(rules.account(f"robot{number}@example.com")))

        with pytest.raises(TooManyTries):
            answer.find(start().user_code, signed_in(rules.account()))
    assert answer.find(start().user_code, signed_in(rules.account()))


def test_throttle_off_blocks_nothing(rules, start, signed_in, alice):
    answer = DeviceApproval(rules.store, rules.clients, rules.clock, throttled=False)
    for _ in range(20):
        with pytest.raises(UnknownUserCode):
            answer.find("BBBB-BBBB", signed_in(alice))

    assert answer.find(start().user_code, signed_in(alice))


def test_loopback_address_is_not_counted(rules, start, answer, signed_in):
    with with_origin(RequestOrigin(address="127.0.0.1")):
        for number in range(50):
            with pytest.raises(UnknownUserCode):
                answer.find("BBBB-BBBB", signed_in(rules.account(f"robot{number}@example.com")))

        assert answer.find(start().user_code, signed_in(rules.account()))


def test_wrong_user_codes_are_forgotten(rules, answer, signed_in, alice):
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(UnknownUserCode):
                answer.find("BBBB-BBBB", signed_in(alice))
        rules.clock.advance(601)


def test_decision_is_recorded(rules, start, approve, alice):
    approve(start())
    approve(start(), None)

    with rules.store.reading() as tx:
        said = tx.audit.list_newest(AuditQuery(event="device_decided"), 10)
    assert [(event.outcome, event.actor, event.client_id) for event in said] == [
        ("refused", alice.sub, "cli"),
        ("ok", alice.sub, "cli"),
    ]


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "B C D F G H J K", "bcdf_ghjk"])
def test_user_code_normalisation(typed):
    assert normalise_user_code(typed) == "BCDF-GHJK"


@pytest.mark.parametrize(
    "typed", ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "ßCDF-GHJ", "B" * 5000]
)
def test_user_code_invalid_is_none(typed):
    assert normalise_user_code(typed) is None


def test_user_codes_have_34_bits_and_no_vowels():
    codes = {new_typed_code() for _ in range(500)}

    assert len(codes) == 500
    assert len(TYPED_ALPHABET) ** 8 > 2**34
    assert all(normalise_user_code(code) == code for code in codes)
    assert not set(TYPED_ALPHABET) & set("AEIOUY0123456789")


def test_codes_never_show_in_a_repr(start):
    started = start()

    assert started.device_code not in repr(started)
    assert started.user_code not in repr(started)
