"""Log-in with address and password."""

from dataclasses import replace

import pytest
from auth_service.domain.accounts.errors import BadCredentials, TooBusy
from auth_service.domain.oauth.errors import InvalidClient, InvalidScope, InvalidTarget

from ...fakes.registry import CUSTOMER_SCOPES, REGISTRY


def test_login_opens_a_session(rules, alice, log_in, clock):
    answer = log_in()

    claims = rules.signer.claims[answer.access_token]
    session = rules.session(claims.pop("sid"))
    assert claims.pop("jti")
    assert claims == {
        "iss": "http://localhost:8080",
        "sub": alice.sub,
        "aud": sorted(REGISTRY.audiences),
        "exp": clock() + 300,
        "iat": clock(),
        "auth_time": clock(),
        "client_id": "cli",
        "scope": " ".join(sorted(CUSTOMER_SCOPES)),
        "roles": ["customer"],
        "status": {"status_list": {"idx": session.status.idx, "uri": "http://localhost:8080/status-lists/1"}},
    }
    assert (session.sub, session.client_id, session.methods) == (alice.sub, "cli", ("pwd",))
    assert answer.expires_in == 300
    assert answer.refresh_token


def test_login_address_ignores_case(alice, log_in):
    assert log_in("ALICE@example.com").access_token


def test_login_of_admin_gets_admin_scopes(rules, log_in):
    rules.account("admin@example.com", roles=frozenset({"admin"}))

    assert {"admin", "users:read"} <= set(log_in("admin@example.com").scope.split())


FAILURES = {
    "an unknown address": ("unknown@example.com", "password"),
    "no address at all": ("unknown", "password"),
    "a wrong password": ("alice@example.com", "wrong"),
    "a disabled account": ("carol@example.com", "password"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_login_failures_look_and_cost_same(rules, alice, log_in, failure):
    rules.account("carol@example.com", disabled_at=1.0)

    with pytest.raises(BadCredentials) as refused:
        log_in(*FAILURES[failure])

    assert str(refused.value) == "the email address or the password is wrong"
    assert rules.hasher.work == ["verify"]
    assert rules.store.rows["sessions"] == {}


def test_login_success_costs_the_same(rules, alice, log_in):
    log_in()

    assert rules.hasher.work == ["verify"]


def test_login_renews_an_outdated_hash(rules, alice, log_in):
    rules.hasher.version = 2

    log_in()

    with rules.store.reading() as tx:
        assert tx.accounts.get(alice.sub).password_hash == "v2:password"


@pytest.mark.parametrize("change", [{"password_hash": "v1:new"}, {"disabled_at": 5.0}])
def test_login_refuses_account_changed_meanwhile(rules, alice, log_in, change):
    def meanwhile():
        rules.store.rows["accounts"][alice.sub] = replace(alice, **change)

    rules.hasher.meanwhile = meanwhile

    with pytest.raises(BadCredentials):
        log_in()
    assert rules.store.rows["sessions"] == {}


def test_login_passes_on_too_busy(rules, alice, log_in):
    rules.hasher.busy = True

    with pytest.raises(TooBusy):
        log_in()


@pytest.mark.parametrize("client", ["unknown", "orders-service", "introspector", ""])
def test_login_needs_public_first_party_client(alice, log_in, client):
    with pytest.raises(InvalidClient):
        log_in(client=client)


def test_login_of_disabled_client_is_refused(rules, alice, log_in):
    rules.register("cli", enabled=False)

    with pytest.raises(InvalidClient):
        log_in()


def test_login_without_refresh_grant_gets_no_refresh_token(rules, alice, log_in):
    rules.register("cli", grants=frozenset())

    assert log_in().refresh_token is None


def test_login_scope_and_audience_bound_session(rules, alice, log_in):
    answer = log_in(scopes=frozenset({"orders:read"}), audiences=("orders-service",))

    claims = rules.signer.claims[answer.access_token]
    assert (claims["aud"], claims["scope"]) == ("orders-service", "orders:read")
    again = rules.refresh(answer.refresh_token, None, None, ())
    assert rules.signer.claims[again.access_token]["aud"] == "orders-service"
    with pytest.raises(InvalidScope):
        rules.refresh(again.refresh_token, None, frozenset({"profile:read"}), ())


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"scopes": frozenset({"admin"})}, InvalidScope),
        ({"scopes": frozenset({"no such"})}, InvalidScope),
        ({"audiences": ("unknown",)}, InvalidTarget),
        ({"audiences": ("",)}, InvalidTarget),
    ],
)
def test_login_never_exceeds_account_and_client(alice, log_in, asked, refused):
    with pytest.raises(refused):
        log_in(**asked)


def test_passwords_never_show_in_a_repr(alice):
    assert "v1:password" not in repr(alice)
