"""The token exchange grant."""

import pytest
from auth_service.domain.oauth.access_token import AccessToken
from auth_service.domain.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
)
from auth_service.domain.oauth.scopes import Grant
from auth_service.domain.sessions.session import EndReason
from auth_service.use_cases.admin.roles import RoleAdmin
from auth_service.use_cases.oauth.client_credentials_grant import ClientCredentialsGrant
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant
from auth_service.use_cases.sessions.end_sessions import end_session


@pytest.fixture
def orders(rules):
    return rules.client("orders-service")


@pytest.fixture
def subject(rules, alice):
    return rules.open(alice)


@pytest.fixture
def exchange(rules, orders):
    use_case = TokenExchangeGrant(rules.store, rules.reader, rules.token_issuer)
    return lambda token, *, client=orders, target="users-service", scopes=None: use_case(
        client, token, target, scopes
    )


def test_exchanged_token_is_narrower_with_actor(rules, subject, exchange):
    answer = exchange(subject[2])

    before, after = rules.signer.claims[subject[2]], rules.signer.claims[answer.access_token]
    same = ("iss", "sub", "sid", "status", "auth_time", "roles", "exp")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (after["aud"], after["scope"], after["client_id"]) == (
        "users-service",
        "profile:read",
        "orders-service",
    )
    assert after["act"] == {"sub": "orders-service"}
    assert answer.refresh_token is None
    assert answer.issued_token_type == "urn:ietf:params:oauth:token-type:access_token"


def test_exchanged_token_never_outlives_subject(rules, subject, exchange, clock):
    clock.advance(200)

    answer = exchange(subject[2])

    assert answer.expires_in == 100
    assert rules.signer.claims[answer.access_token]["exp"] == rules.signer.claims[subject[2]]["exp"]


def test_exchange_without_scope_of_role_is_refused(rules, subject, exchange):
    RoleAdmin(rules.store, rules.clock).set_scopes("customer", frozenset({"orders:read"}))

    with pytest.raises(InvalidScope):
        exchange(subject[2])


def test_subject_token_within_leeway_is_refused(subject, exchange, clock):
    clock.advance(300)

    with pytest.raises(InvalidRequest):
        exchange(subject[2])


def chain(rules, subject, *actors):
    """Return a token of this session with these actors, outermost first."""
    token = AccessToken(
        subject=subject[0].sub,
        client_id=actors[0],
        audiences=("orders-service", "users-service"),
        scopes=frozenset({"profile:read"}),
        expires_at=int(rules.clock()) + 60,
        session_id=subject[0].sid,
        actors=actors,
    )
    return rules.token_issuer.issue(token).access_token


def test_actors_nest(rules, subject, exchange):
    answer = exchange(chain(rules, subject, "billing", "shop"))

    act = rules.signer.claims[answer.access_token]["act"]
    assert act == {"sub": "orders-service", "act": {"sub": "billing", "act": {"sub": "shop"}}}


def test_actors_are_at_most_three(rules, subject, exchange):
    with pytest.raises(InvalidRequest):
        exchange(chain(rules, subject, "a", "b", "c"))


def test_exchange_needs_the_grant(rules, subject, exchange):
    with pytest.raises(UnauthorizedClient):
        exchange(subject[2], client=rules.client("introspector"))


@pytest.mark.parametrize("token", ["", "unknown"])
def test_subject_token_invalid_is_refused(exchange, token):
    with pytest.raises(InvalidRequest):
        exchange(token)


def test_subject_token_of_other_audience_is_refused(rules, alice, exchange):
    _, _, token = rules.open(alice, grant=Grant(frozenset({"profile:read"}), ("users-service",)))

    with pytest.raises(InvalidRequest):
        exchange(token)


@pytest.mark.parametrize("target", ["auth-service", "orders-service", "unknown", ""])
def test_target_not_registered_is_refused(subject, exchange, target):
    with pytest.raises(InvalidTarget):
        exchange(subject[2], target=target)


def test_target_outside_subject_token_is_refused(rules, alice, exchange):
    _, _, token = rules.open(alice, grant=Grant(frozenset({"profile:read"}), ("orders-service",)))

    with pytest.raises(InvalidTarget):
        exchange(token)


@pytest.mark.parametrize("scope", ["profile:write", "orders:read", "admin", "anything"])
def test_scope_outside_either_is_refused(subject, exchange, scope):
    with pytest.raises(InvalidScope):
        exchange(subject[2], scopes=frozenset({scope}))


def test_scope_in_common_is_needed(rules, alice, exchange):
    _, _, token = rules.open(
        alice, grant=Grant(frozenset({"orders:read"}), ("orders-service", "users-service"))
    )

    with pytest.raises(InvalidScope):
        exchange(token)


def test_exchange_after_session_end_is_refused(rules, subject, exchange, clock):
    with rules.store.transaction() as tx:
        end_session(tx, subject[0].sid, EndReason.LOGGED_OUT, clock())

    with pytest.raises(InvalidRequest):
        exchange(subject[2])


def test_exchange_for_disabled_account_is_refused(rules, alice, subject, exchange, clock):
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(alice.sub, clock())

    with pytest.raises(InvalidRequest):
        exchange(subject[2])


def own_token(rules, client, scopes=None, audiences=()):
    return ClientCredentialsGrant(rules.store, rules.token_issuer)(client, scopes, audiences)


def test_exchange_of_client_token_is_refused(rules, orders, exchange):
    rules.register("orders-service", audiences=frozenset({"orders-service", "users-service"}))
    own = own_token(rules, rules.client("orders-service"))

    with pytest.raises(InvalidRequest):
        exchange(own.access_token)
