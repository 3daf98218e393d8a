"""The refresh token grant."""

from dataclasses import replace

import pytest
from auth_service.adapters.registry_files import packaged_rows
from auth_service.domain.oauth.errors import InvalidClient, InvalidGrant, InvalidScope, InvalidTarget
from auth_service.domain.oauth.scopes import Grant, grant_for_account
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.roles import RoleAdmin
from auth_service.use_cases.sessions.end_sessions import end_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...fakes.registry import CUSTOMER_SCOPES

DAY = 86_400


@pytest.fixture
def session(rules, alice):
    return rules.open(alice)


@pytest.fixture
def refresh(rules):
    def ask(token, client=None, scopes=None, audiences=()):
        return rules.refresh(token, client, scopes, audiences)

    return ask


def test_refresh_returns_successor_of_same_session(rules, session, refresh):
    opened, token, access = session

    answer = refresh(token)

    before, after = rules.signer.claims[access], rules.signer.claims[answer.access_token]
    assert answer.refresh_token not in (None, token)
    assert {k: v for k, v in after.items() if k != "jti"} == {k: v for k, v in before.items() if k != "jti"}
    assert after["sid"] == opened.sid


@pytest.mark.parametrize("later", [0, 5, 10])
def test_refresh_within_grace_returns_same_successor(rules, session, refresh, clock, later):
    first = refresh(session[1])
    clock.advance(later)

    again = refresh(session[1])

    assert again.refresh_token == first.refresh_token
    assert again.access_token != first.access_token
    assert rules.session(session[0].sid).ended_at is None


def test_reuse_after_grace_ends_session(rules, session, refresh, clock):
    successor = refresh(session[1]).refresh_token
    clock.advance(10.5)

    with pytest.raises(InvalidGrant):
        refresh(session[1])

    assert rules.session(session[0].sid).end_reason == EndReason.REFRESH_REUSED
    with pytest.raises(InvalidGrant):
        refresh(successor)


def test_reuse_of_older_token_ends_session_within_grace(rules, session, refresh):
    second = refresh(session[1]).refresh_token
    third = refresh(second).refresh_token

    with pytest.raises(InvalidGrant):
        refresh(session[1])

    assert rules.session(session[0].sid).end_reason == EndReason.REFRESH_REUSED
    with pytest.raises(InvalidGrant):
        refresh(third)


def test_reuse_ends_no_other_session(rules, alice, session, refresh, clock):
    other, other_token, _ = rules.open(alice)
    refresh(session[1])
    clock.advance(11)

    with pytest.raises(InvalidGrant):
        refresh(session[1])

    assert rules.session(other.sid).ended_at is None
    assert refresh(other_token).refresh_token


def test_reuse_of_expired_token_ends_session(rules, session, refresh, clock):
    token = session[1]
    for _ in range(3):
        clock.advance(7 * DAY)
        token = refresh(token).refresh_token

    with pytest.raises(InvalidGrant):
        refresh(session[1])

    assert rules.session(session[0].sid).end_reason == EndReason.REFRESH_REUSED


def test_refresh_token_expires_after_two_weeks_unused(session, refresh, clock):
    clock.advance(14 * DAY)

    with pytest.raises(InvalidGrant):
        refresh(session[1])


def test_refresh_extends_expiry_up_to_thirty_days(session, refresh, clock):
    token = session[1]
    for _ in range(29):
        clock.advance(DAY)
        token = refresh(token).refresh_token
    clock.advance(DAY)

    with pytest.raises(InvalidGrant):
        refresh(token)


def test_access_token_never_outlives_session(rules, session, refresh, clock):
    clock.advance(14 * DAY - 1)
    token = refresh(session[1]).refresh_token
    clock.advance(14 * DAY - 1)
    token = refresh(token).refresh_token
    clock.advance(2 * DAY - 58)

    answer = refresh(token)

    assert answer.expires_in == 60
    assert rules.signer.claims[answer.access_token]["exp"] == session[0].expires_at


def test_refresh_of_ended_session_is_refused(rules, session, refresh, clock):
    with rules.store.transaction() as tx:
        end_session(tx, session[0].sid, EndReason.LOGGED_OUT, clock())

    with pytest.raises(InvalidGrant):
        refresh(session[1])


def test_refresh_of_disabled_account_is_refused(rules, alice, session, refresh, clock):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, clock())

    with pytest.raises(InvalidGrant):
        refresh(session[1])


def test_refresh_of_confidential_client_needs_client(rules, session, refresh):
    rules.register("cli", confidential=True)

    with pytest.raises(InvalidClient):
        refresh(session[1])


@pytest.mark.parametrize("change", [{"enabled": False}, {"grants": frozenset()}])
def test_refresh_needs_the_refresh_grant(rules, session, refresh, change):
    rules.register("cli", **change)

    with pytest.raises(InvalidGrant):
        refresh(session[1])


def test_refresh_by_another_client_is_refused(rules, session, refresh):
    with pytest.raises(InvalidGrant):
        refresh(session[1], rules.client("console"))

    assert refresh(session[1], rules.client("cli")).refresh_token


def test_refresh_token_unknown_is_refused(refresh):
    with pytest.raises(InvalidGrant):
        refresh("never given to anybody")


def test_refresh_token_is_stored_by_digest(rules, session, refresh):
    successor = refresh(session[1]).refresh_token

    kept = repr(rules.store.rows)
    assert session[1] not in kept
    assert successor not in kept


@pytest.mark.parametrize(
    ("narrower", "refused"),
    [({"scopes": frozenset({"admin"})}, InvalidScope), ({"audiences": ("elsewhere",)}, InvalidTarget)],
)
def test_scope_beyond_session_uses_nothing_up(session, refresh, narrower, refused):
    with pytest.raises(refused):
        refresh(session[1], **narrower)

    assert refresh(session[1]).refresh_token


def test_scope_narrowed_once_is_wide_again(rules, session, refresh):
    narrow = refresh(session[1], scopes=frozenset({"orders:read"}), audiences=("orders-service",))
    wide = refresh(narrow.refresh_token)

    claims = rules.signer.claims[narrow.access_token]
    assert (claims["scope"], claims["aud"]) == ("orders:read", "orders-service")
    assert wide.scope == " ".join(sorted(CUSTOMER_SCOPES))


def test_scope_of_a_lost_role_is_dropped(rules, refresh):
    admin = rules.account(roles=frozenset({"admin"}))
    _, token, _ = rules.open(admin)
    rules.store.rows["accounts"][admin.sub] = replace(admin, roles=frozenset({"customer"}))

    assert "admin" not in refresh(token).scope.split()


STEPS = st.lists(st.tuples(st.sampled_from([0, 4, 9, 11]), st.integers(0, 5)), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_has_one_successor_or_ends_session(rules, clock, steps):
    """Model: a list of tokens; only the last has no successor, and its predecessor repeats it within ten seconds."""
    session, first, _ = rules.open(rules.account())
    line, used_at, over = [first], {}, False
    for pause, which in steps:
        clock.advance(pause)
        index = min(which, len(line) - 1)
        newest = index == len(line) - 1
        repeats = index == len(line) - 2 and clock() - used_at[index] <= 10
        try:
            answer = rules.refresh(line[index], None, None, ())
        except InvalidGrant:
            assert over or not (newest or repeats)
            over = True
        else:
            assert not over
            assert newest or repeats
            if newest:
                used_at[index] = clock()
                line.append(answer.refresh_token)
            assert answer.refresh_token == line[index + 1]
        assert (rules.session(session.sid).ended_at is not None) == over


def test_scope_named_after_role_was_lost_narrows(rules, refresh):
    admin = rules.account(roles=frozenset({"admin"}))
    _, token, _ = rules.open(admin)
    rules.store.rows["accounts"][admin.sub] = replace(admin, roles=frozenset({"customer"}))

    answer = refresh(token, scopes=frozenset({"orders:read", "users:read", "admin"}))

    assert answer.scope == "orders:read"


def test_scope_requested_and_not_granted_narrows(rules, alice, refresh):
    grant = Grant(frozenset({"orders:read"}), ("orders-service",))
    with rules.store.transaction() as tx:
        requested = frozenset({"orders:read", "users:read"})
        opened = rules.token_issuer.open_session(
            tx, alice, rules.client(), grant, methods=("pwd",), requested=requested
        )

    answer = refresh(opened.refresh_token, scopes=requested)

    assert answer.scope == "orders:read"
    with pytest.raises(InvalidScope, match="orders:write"):
        refresh(answer.refresh_token, scopes=requested | {"orders:write"})
    assert refresh(answer.refresh_token).scope == "orders:read"


def test_empty_grant_is_refused_and_uses_nothing_up(rules, refresh):
    admin = rules.account(roles=frozenset({"admin"}))
    _, token, _ = rules.open(admin)
    rules.store.rows["accounts"][admin.sub] = replace(admin, roles=frozenset({"customer"}))

    with pytest.raises(InvalidScope):
        refresh(token, scopes=frozenset({"admin"}))

    rules.store.rows["accounts"][admin.sub] = admin
    assert refresh(token, scopes=frozenset({"admin"})).scope == "admin"


@pytest.fixture
def begin(rules, alice):
    """`begin(client_id, requested, audiences)`: the refresh token of a log-in that named these."""

    def log_in(client_id="cli", requested=None, audiences=()):
        client = rules.client(client_id)
        with rules.store.transaction() as tx:
            grant = grant_for_account(tx.registry.get(), alice, client, requested, audiences)
            named = requested or (grant.scopes if audiences else frozenset())
            opened = rules.token_issuer.open_session(
                tx, alice, client, grant, methods=("pwd",), requested=named
            )
        return opened.refresh_token

    return log_in


@pytest.fixture
def widen(rules):
    """`widen()`: add an audience, and a scope of it to the role of Alice."""

    def add():
        AudienceAdmin(rules.store, rules.clock).add("my-app", ["things:read"])
        scopes = packaged_rows().registry.roles["customer"].scopes
        RoleAdmin(rules.store, rules.clock).set_scopes("customer", scopes | {"things:read"})

    return add


def test_first_party_session_follows_its_account(rules, begin, widen, refresh):
    token = begin()
    widen()

    answer = refresh(token)

    claims = rules.signer.claims[answer.access_token]
    assert "things:read" in answer.scope.split()
    assert "my-app" in claims["aud"]
    assert "my-app" in rules.session(claims["sid"]).audiences
    again = refresh(answer.refresh_token, scopes=frozenset({"things:read"}), audiences=("my-app",))
    assert rules.signer.claims[again.access_token]["aud"] == "my-app"


@pytest.mark.parametrize(
    ("requested", "audiences"),
    [(frozenset({"orders:read"}), ()), (None, ("orders-service",))],
)
def test_session_that_named_its_access_stays(rules, begin, widen, refresh, requested, audiences):
    token = begin("cli", requested, audiences)
    widen()

    answer = refresh(token)

    assert "things:read" not in answer.scope.split()
    assert "my-app" not in rules.signer.claims[answer.access_token]["aud"]


def test_third_party_session_never_widens(rules, begin, widen, refresh):
    rules.register("shop", first_party=False, grants=rules.client("cli").grants)
    rules.register("shop", audiences=frozenset({"orders-service"}), scopes=frozenset({"orders:read"}))
    token = begin("shop")
    widen()
    more = frozenset({"my-app", "orders-service"}), frozenset({"orders:read", "things:read"})
    rules.register("shop", audiences=more[0], scopes=more[1])

    answer = refresh(token)

    assert answer.scope == "orders:read"
    assert rules.signer.claims[answer.access_token]["aud"] == "orders-service"


def test_removed_scope_is_gone_from_next_token(rules, begin, refresh):
    token = begin()
    roles = RoleAdmin(rules.store, rules.clock)
    roles.set_scopes("customer", frozenset({"orders:read"}))

    narrow = refresh(token)

    assert narrow.scope == "orders:read"
    roles.set_scopes("customer", packaged_rows().registry.roles["customer"].scopes)
    assert "orders:write" in refresh(narrow.refresh_token).scope.split()
