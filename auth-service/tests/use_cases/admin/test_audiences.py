"""Administration of audiences, over every implementation of the store."""

import pytest
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.client import Client, hash_secret
from auth_service.domain.oauth.errors import InvalidRegistration, RowInUse, UnknownRow
from auth_service.domain.oauth.registry import Audience
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.roles import RoleAdmin

SCOPES = {"things:read": "See your things", "things:write": "Change your things"}


@pytest.fixture
def rules(store, make_rules):
    return make_rules(store)


@pytest.fixture
def audiences(rules):
    return AudienceAdmin(rules.store, rules.clock)


@pytest.fixture
def roles(rules):
    return RoleAdmin(rules.store, rules.clock)


def events(rules, kind):
    with rules.store.reading() as tx:
        return tx.audit.list_newest(AuditQuery(event=kind), 100)


def test_audience_is_added_after_those_of_files(rules, audiences):
    made = audiences.add("my-app", SCOPES, by="an-admin")

    assert made == Audience("my-app", SCOPES) == audiences.all()[-1]
    (added,) = events(rules, "audience_added")
    assert (added.actor, added.detail) == ("an-admin", {"audience": "my-app", "scopes": sorted(SCOPES)})


@pytest.mark.parametrize("name", ["users-service", "my-app"])
def test_taken_audience_is_refused(audiences, name):
    audiences.add("my-app", SCOPES)

    with pytest.raises(RowInUse, match="exists already"):
        audiences.add(name, ["other:read"])


@pytest.mark.parametrize(
    ("name", "scopes", "fault"),
    [
        ("", [], "name: must have"),
        ("a/b", [], "name: must have"),
        ("my-app", ["orders:read"], "scope orders:read: belongs to audience orders-service already"),
        ("my-app", ["ssf.read"], "scope ssf.read: belongs"),
        ("my-app", ["email"], "scope email: belongs to OpenID Connect already"),
        ("my-app", ["a b"], "'a b': must have"),
        ("my-app", {"a": "two\nlines"}, "one line of text"),
        ("my-app", [f"{n:0100}" for n in range(20)], "at most 2000 characters"),
    ],
)
def test_invalid_audience_is_not_added(rules, audiences, name, scopes, fault):
    before = audiences.all()

    with pytest.raises(InvalidRegistration, match=fault):
        audiences.add(name, scopes)

    assert audiences.all() == before
    assert events(rules, "audience_added") == []


def test_unknown_audience_cannot_be_removed(audiences):
    with pytest.raises(UnknownRow, match="no audience none"):
        audiences.remove("none", force=True)


def test_audience_of_file_cannot_be_removed(audiences):
    with pytest.raises(RowInUse, match="defined in a file"):
        audiences.remove("users-service", force=True)


def test_unused_audience_is_removed(rules, audiences):
    before = audiences.all()
    audiences.add("my-app", SCOPES)

    assert audiences.remove("my-app", by="an-admin") == []

    assert audiences.all() == before
    assert [each.actor for each in events(rules, "audience_removed")] == ["an-admin"]
    audiences.add("other", SCOPES)


@pytest.fixture
def used(rules, audiences, roles):
    """An audience that a role, a client and a session have: (session, refresh token)."""
    audiences.add("my-app", SCOPES)
    registry = {role.name: role for role in roles.all()}
    roles.set_scopes("customer", registry["customer"].scopes | {"things:read"})
    shop = Client(
        "shop",
        "Shop",
        confidential=True,
        grants=frozenset(),
        audiences=frozenset({"my-app", "users-service"}),
        own_scopes=frozenset({"things:write", "users:read"}),
        serves=frozenset({"my-app"}),
        secret_hash=hash_secret("secret"),
    )
    with rules.store.transaction() as tx:
        tx.clients.add(shop, rules.clock())
    session, token, _ = rules.open(rules.account())
    assert "my-app" in session.audiences
    return session, token


def test_use_of_an_audience_is_named(rules, audiences, used):
    before = audiences.all()

    with pytest.raises(RowInUse, match=r"role customer, client shop, active sessions: 1"):
        audiences.remove("my-app")

    assert audiences.all() == before
    assert rules.session(used[0].sid).is_active(rules.clock())


def test_force_takes_audience_from_all(rules, audiences, used):
    assert audiences.remove("my-app", force=True, by="an-admin") == [used[0].sid]

    assert rules.session(used[0].sid).end_reason == "audience_removed"
    with rules.store.reading() as tx:
        shop = tx.clients.get("shop")
        assert tx.registry.get() == tx.registry.fixed
    assert (shop.audiences, shop.serves) == ({"users-service"}, frozenset())
    assert (shop.own_scopes, shop.secret_hash) == ({"users:read"}, hash_secret("secret"))
    (ended,) = events(rules, "session_ended")
    assert ended.actor == "an-admin"


def test_other_sessions_outlive_an_audience(rules, audiences):
    session, _, _ = rules.open(rules.account())
    audiences.add("my-app", SCOPES)

    assert audiences.remove("my-app", force=True) == []

    assert rules.session(session.sid).is_active(rules.clock())


def test_similar_name_is_another_audience(rules, audiences):
    audiences.add("my", [])
    audiences.add("my-app", SCOPES)
    session, _, _ = rules.open(rules.account())
    with rules.store.transaction() as tx:
        tx.sessions.set_grant(session.sid, session.scopes, ("my-app", "users-service"))

    assert audiences.remove("my") == []
    assert rules.session(session.sid).is_active(rules.clock())
