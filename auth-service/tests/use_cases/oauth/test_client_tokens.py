"""The revocation of clients' own tokens."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.errors import InvalidClient
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.use_cases.sessions.end_sessions import end_sessions_of_client


def own_status(rules, token):
    return rules.reader.read_any(token).status


def is_revoked(rules, token):
    with rules.store.reading() as tx:
        return own_status(rules, token) in {
            (bit.number, bit.idx) for bit in tx.statuses.changes_since(None).bits
        }


def test_client_tokens_share_one_status(rules, own_token):
    other = rules.register(
        "billing", confidential=True, grants=frozenset({"client_credentials"}),
        own_scopes=frozenset({"users:read"}), audiences=frozenset({"users-service"}),
    )  # fmt: skip

    statuses = [own_status(rules, own_token(client)) for client in ["orders-service"] * 3 + [other.client_id]]

    assert len(set(statuses[:3])) == 1
    assert statuses[3] != statuses[0]


def test_client_token_is_active_until_revoked(rules, own_token, introspect):
    token, introspector = own_token(), rules.client("introspector")
    assert introspect(token, introspector).subject == "orders-service"

    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    assert is_revoked(rules, token)
    assert introspect(token, introspector) is None


def test_client_token_after_revocation_is_valid(rules, own_token, introspect):
    old, introspector = own_token(), rules.client("introspector")
    with rules.store.transaction() as tx:
        end_sessions_of_client(tx, "orders-service", rules.clock())

    new = own_token()

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)
    assert introspect(old, introspector) is None
    assert introspect(new, introspector).client_id == "orders-service"


def test_client_token_end_is_recorded_once(rules, own_token):
    own_token()
    with rules.store.transaction() as tx:
        for _ in range(2):
            end_sessions_of_client(tx, "orders-service", rules.clock(), by="operator")

    with rules.store.reading() as tx:
        (entry,) = tx.audit.list_newest(AuditQuery(event="client_tokens_ended"), 10)
    assert (entry.actor, entry.client_id) == ("operator", "orders-service")
    assert entry.detail == {"reason": "client_disabled"}


def test_client_disabled_in_file_loses_tokens(rules, own_token):
    token = own_token()
    rules.register("orders-service", enabled=False)

    ClientAdmin(rules.store, rules.fixed, rules.clock).end_sessions_of_disabled()

    assert is_revoked(rules, token)


def test_client_token_revoked_by_client(rules, own_token, revoke):
    old = own_token()
    revoke(old, rules.client("orders-service"))
    new = own_token()
    revoke(old, rules.client("orders-service"))

    assert (is_revoked(rules, old), is_revoked(rules, new)) == (True, False)


def test_client_token_not_revoked_by_another_client(rules, own_token, revoke):
    token = own_token()

    revoke(token, rules.client("introspector"))
    with pytest.raises(InvalidClient):
        revoke(token, None)

    assert not is_revoked(rules, token)
