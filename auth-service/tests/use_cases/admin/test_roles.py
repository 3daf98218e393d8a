"""Administration of roles, over every implementation of the store."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.errors import InvalidRegistration, InvalidScope, RowInUse, UnknownRow
from auth_service.domain.oauth.registry import Role
from auth_service.domain.oauth.scopes import Grant
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.roles import RoleAdmin


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


@pytest.fixture
def roles(rules):
    return RoleAdmin(rules.store, rules.clock)


def named(roles):
    return {role.name: role for role in roles.all()}


def events(rules, kind):
    with rules.store.reading() as tx:
        return tx.audit.list_newest(AuditQuery(event=kind), 100)


def test_role_is_added_after_those_of_files(rules, roles):
    made = roles.add("clerk", frozenset({"orders:read"}), by="an-admin")

    assert made == Role("clerk", frozenset({"orders:read"})) == roles.all()[-1]
    (added,) = events(rules, "role_added")
    assert (added.actor, added.detail) == ("an-admin", {"role": "clerk", "scopes": ["orders:read"]})


@pytest.mark.parametrize("name", ["customer", "clerk"])
def test_taken_role_is_refused(roles, name):
    roles.add("clerk", frozenset())

    with pytest.raises(RowInUse, match="exists already"):
        roles.add(name, frozenset())


@pytest.mark.parametrize(
    ("name", "scope", "fault"),
    [
        ("", "orders:read", "name: must have"),
        ("Clerk", "orders:read", "name: must have"),
        ("clerk", "none", "none: unknown"),
        ("clerk", "openid", "openid: unknown"),
        ("clerk", "ssf.read", "ssf.read: is for clients, not for users"),
    ],
)
def test_invalid_role_is_not_added(rules, roles, name, scope, fault):
    with pytest.raises(InvalidRegistration, match=fault):
        roles.add(name, frozenset({scope}))

    assert named(roles).keys() == {"customer", "admin"}
    assert events(rules, "role_added") == []


def test_changed_role_of_file_stays_default(rules, roles):
    before = named(roles)["customer"]

    changed = roles.set_scopes("customer", before.scopes | {"users:read"}, by="an-admin")

    assert changed == Role("customer", before.scopes | {"users:read"}, default=True)
    assert named(roles)["customer"] == changed
    (entry,) = events(rules, "role_scopes_set")
    assert entry.actor == "an-admin"
    assert set(entry.detail["after"]) - set(entry.detail["before"]) == {"users:read"}


def test_role_follows_its_file_again(rules, roles):
    before = named(roles)["customer"]
    for scopes in (before.scopes | {"users:read"}, before.scopes, before.scopes):
        roles.set_scopes("customer", scopes)

    assert named(roles)["customer"] == before
    with rules.store.reading() as tx:
        assert tx.registry.get() == tx.registry.fixed


def test_scopes_of_unknown_role_are_refused(roles):
    with pytest.raises(UnknownRow, match="there is no role none; the roles are admin, customer"):
        roles.set_scopes("none", frozenset())
    with pytest.raises(UnknownRow):
        roles.remove("none", force=True)


def test_unknown_scope_changes_nothing(roles):
    before = roles.all()

    with pytest.raises(InvalidRegistration):
        roles.set_scopes("customer", frozenset({"orders:read", "none"}))

    assert roles.all() == before


def test_role_of_file_cannot_be_removed(roles):
    with pytest.raises(RowInUse, match="defined in a file"):
        roles.remove("customer", force=True)


def test_unused_role_is_removed(rules, roles):
    roles.add("clerk", frozenset())

    assert roles.remove("clerk", by="an-admin") == []

    assert "clerk" not in named(roles)
    assert [entry.actor for entry in events(rules, "role_removed")] == ["an-admin"]


def test_used_role_is_removed_by_force(rules, roles):
    roles.add("clerk", frozenset({"orders:read"}))
    clerk = rules.account(roles=frozenset({"clerk", "customer"}))
    session, _, _ = rules.open(clerk)
    other, _, _ = rules.open(rules.account())

    with pytest.raises(RowInUse, match="accounts that have it: 1"):
        roles.remove("clerk")
    assert rules.session(session.sid).is_active(rules.clock())

    assert roles.remove("clerk", force=True) == [session.sid]
    assert rules.session(session.sid).end_reason == "role_removed"
    assert rules.session(other.sid).is_active(rules.clock())
    with rules.store.reading() as tx:
        assert tx.accounts.get(clerk.sub).roles == {"customer"}


def test_admin_cannot_take_own_scope_away(rules, roles):
    admin = rules.account(roles=frozenset({"admin", "clerk"})).sub
    roles.add("clerk", frozenset())

    with pytest.raises(RowInUse, match="your own account"):
        roles.set_scopes("admin", frozenset({"orders:read"}), by=admin)
    assert "admin" in named(roles)["admin"].scopes
    roles.set_scopes("clerk", frozenset({"admin"}), by=admin)
    roles.set_scopes("admin", frozenset({"orders:read"}), by=admin)
    with pytest.raises(RowInUse, match="your own account"):
        roles.remove("clerk", force=True, by=admin)
    assert named(roles).keys() == {"customer", "admin", "clerk"}


def test_scope_of_removed_audience_is_unknown(rules, roles):
    audiences = AudienceAdmin(rules.store, rules.clock)
    audiences.add("my-app", ["things:read"])
    roles.add("clerk", frozenset({"things:read"}))
    audiences.remove("my-app", force=True)

    assert named(roles)["clerk"].scopes == frozenset()
    with pytest.raises(InvalidRegistration):
        roles.set_scopes("clerk", frozenset({"things:read"}))


def test_stored_grant_is_limited_to_roles(rules, roles):
    account = rules.account()
    stored = Grant(frozenset({"orders:read", "orders:write"}), ("orders-service",))
    roles.set_scopes("customer", frozenset({"orders:read"}))

    _, _, token = rules.open(account, grant=stored)

    assert rules.signer.claims[token]["scope"] == "orders:read"


def test_stored_grant_without_scopes_left_is_refused(rules, roles):
    stored = Grant(frozenset({"orders:write"}), ("orders-service",))
    roles.set_scopes("customer", frozenset({"orders:read"}))

    with pytest.raises(InvalidScope):
        rules.open(rules.account(), grant=stored)
