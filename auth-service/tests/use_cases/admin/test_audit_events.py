"""What the audit log records, and what it never contains."""

import pytest
from auth_service.adapters.registry_files import FileClients
from auth_service.domain.accounts.errors import (
    AddressTaken,
    BadCredentials,
    InvalidName,
    OwnAccount,
    UnknownAccount,
)
from auth_service.domain.audit_log import AuditQuery, EventType, email_digest
from auth_service.domain.errors import UnknownSigningKey
from auth_service.domain.oauth.errors import (
    InvalidClientMetadata,
    InvalidTarget,
    MissingScope,
    UnauthorizedClient,
    UnknownClient,
)
from auth_service.domain.oauth.id_token import HintKey
from auth_service.domain.request_context import RequestOrigin, current_origin, with_origin
from auth_service.domain.sessions.errors import SessionOver, UnknownSession
from auth_service.domain.signing_keys import FormerKey
from auth_service.use_cases.accounts.demo_accounts import DemoAccounts
from auth_service.use_cases.accounts.login import Login, RequestedAccess
from auth_service.use_cases.accounts.registration import Registration
from auth_service.use_cases.admin.access import AdminAccess
from auth_service.use_cases.admin.accounts import AccountAdmin
from auth_service.use_cases.admin.clients import ClientAdmin
from auth_service.use_cases.admin.sessions import SessionAdmin
from auth_service.use_cases.admin.signing_keys import KeyAdmin
from auth_service.use_cases.oauth.token_exchange_grant import TokenExchangeGrant

ADDRESS = "alice@example.com"


@pytest.fixture
def alice(rules):
    return rules.account(ADDRESS)


@pytest.fixture
def log(rules):
    """`log(kind)`: the events of a kind, oldest first."""

    def read(kind=None):
        with rules.store.reading() as tx:
            return tx.audit.list_newest(AuditQuery(event=kind), 100)[::-1]

    return read


@pytest.fixture
def log_in(rules):
    use_case = Login(rules.store, rules.clients, rules.hasher, rules.token_issuer)
    return lambda email, password: use_case(email, password, RequestedAccess("cli"))


@pytest.fixture
def accounts(rules):
    return AccountAdmin(rules.store, rules.hasher, rules.clock)


@pytest.fixture
def clients(rules):
    return ClientAdmin(rules.store, FileClients([rules.client("cli")]), rules.clock)


class NoVerification:
    """Mails nothing."""

    def prepare(self, tx, account, *, made):
        return None

    def post(self, mail):
        pass


class Keys:
    """A `KeyStore` with one key."""

    def __init__(self):
        self.kids = ["one"]

    def statuses(self):
        return self.kids

    def former(self):
        return [FormerKey(kid, b"public half", 100) for kid in self.kids[:-1]]

    def rotate(self):
        self.kids.append("two")
        return "two"

    def withdraw(self, kid):
        if kid not in self.kids:
            raise UnknownSigningKey("none")
        self.kids.remove(kid)
        return None if self.kids else "made"

    def prune(self):
        gone, self.kids = self.kids[:-1], self.kids[-1:]
        return gone


def test_login_is_recorded_with_client(log_in, alice, log):
    log_in(ADDRESS, "password")

    proven, opened = log()
    assert (proven.event, proven.outcome, proven.subject) == ("logged_in", "ok", alice.sub)
    assert (opened.event, opened.subject, opened.client_id) == ("session_opened", alice.sub, "cli")
    assert opened.detail["methods"] == ["pwd"]


@pytest.mark.parametrize("email", [ADDRESS, "unknown@example.com", "no address", "\ud800"])
def test_login_refused_is_recorded_by_digest(log_in, alice, log, email):
    with pytest.raises(BadCredentials):
        log_in(email, "wrong-password")

    (refused,) = log()
    assert (refused.event, refused.outcome) == ("logged_in", "refused")
    assert refused.subject == (alice.sub if email == ADDRESS else None)
    assert refused.detail == {"address_digest": email_digest(email)}
    assert email not in str(refused)
    assert "wrong-password" not in str(refused)


def test_email_digest_ignores_case_and_blanks():
    assert email_digest(" Alice@Example.com") == email_digest(ADDRESS) != email_digest("b@example.com")


@pytest.mark.parametrize(
    ("client", "target", "error"),
    [
        ("orders-service", "orders-service", InvalidTarget),
        ("introspector", "users-service", UnauthorizedClient),
    ],
)
def test_exchange_refused_is_recorded(rules, alice, log, client, target, error):
    _, _, access = rules.open(alice)

    with pytest.raises(error):
        TokenExchangeGrant(rules.store, rules.reader, rules.token_issuer)(
            rules.client(client), access, target, None
        )

    (refused,) = log("token_exchanged")
    assert (refused.outcome, refused.actor, refused.detail["error"]) == ("refused", client, error.slug)
    assert access not in str(refused)


def test_registration_is_recorded_either_way(rules, alice, log):
    register = Registration(rules.store, rules.hasher, rules.clock, NoVerification())

    sub = register("new@example.com", "a long password", "New")
    register(ADDRESS, "a long password", "Alice")

    made, refused = log("account_made")
    assert (made.outcome, made.subject) == ("ok", sub)
    assert (refused.outcome, refused.subject) == ("refused", None)
    assert made.detail == {"address_digest": email_digest("new@example.com")}


def test_demo_account_is_recorded_once(rules, log):
    seed = DemoAccounts(rules.store, rules.hasher, rules.clock)

    for _ in range(2):
        seed({ADDRESS: frozenset({"customer"})}, "a long password")

    assert [event.detail for event in log("account_made")] == [{"roles": ["customer"]}]


def test_key_changes_are_recorded(rules, log):
    keys = KeyAdmin(rules.store, Keys(), session_life=60)

    keys.rotate("an-admin")
    assert keys.prune("an-admin") == ["one"]
    assert keys.prune("an-admin") == []
    assert rules.store.hint_keys.get("one") == HintKey("one", b"public half", keep_until=160)
    keys.withdraw("one", "an-admin")  # its public half was all that was left
    assert rules.store.hint_keys.get("one") is None
    with pytest.raises(UnknownSigningKey):
        keys.withdraw("one", "an-admin")
    assert keys.withdraw("two", "an-admin") == "made"

    assert [(event.event, event.actor, event.detail) for event in log()] == [
        ("key_rotated", "an-admin", {"kid": "two"}),
        ("keys_pruned", "an-admin", {"kids": ["one"]}),
        ("key_withdrawn", "an-admin", {"kid": "one"}),
        ("key_withdrawn", "an-admin", {"kid": "two", "made": "made"}),
    ]


def test_unrecorded_key_change_is_not_made():
    keys = Keys()

    class Away:
        def transaction(self):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        KeyAdmin(Away(), keys, session_life=60).rotate()
    assert keys.kids == ["one"]


def test_admin_access_needs_live_session_and_role(rules, accounts, log):
    admit = AdminAccess(rules.store, rules.clock)
    admin = rules.account(roles=frozenset({"admin"}))
    session, _, _ = rules.open(admin)
    admit(admin.sub, session.sid)

    for sub, sid in [(admin.sub, None), (admin.sub, "none"), ("other", session.sid)]:
        with pytest.raises(SessionOver):
            admit(sub, sid)
    accounts.set_roles(admin.sub, frozenset({"customer"}))
    with pytest.raises(MissingScope):
        admit(admin.sub, session.sid)
    with rules.store.transaction() as tx:
        tx.accounts.set_disabled(admin.sub, 1.0)
    with pytest.raises(SessionOver):
        admit(admin.sub, session.sid)
    assert [event.actor for event in log("admin_refused")] == [admin.sub]


def test_admin_names_what_is_unknown(rules, accounts, clients):
    for refused in (accounts.disable, accounts.enable, accounts.get):
        with pytest.raises(UnknownAccount):
            refused("unknown")
    for refused in (clients.get, clients.disable, clients.enable, clients.rotate_secret):
        with pytest.raises(UnknownClient):
            refused("unknown")
    with pytest.raises(UnknownSession):
        SessionAdmin(rules.store, rules.clock).end("none")


def test_account_changes_follow_rules(accounts, alice):
    with pytest.raises(OwnAccount):
        accounts.disable(alice.sub, alice.sub)
    with pytest.raises(AddressTaken):
        accounts.create(ADDRESS, "a long password", "Alice", frozenset({"customer"}))
    for roles in ([], ["emperor"], ["admin", "emperor"]):
        with pytest.raises(InvalidName):
            accounts.set_roles(alice.sub, frozenset(roles))


@pytest.mark.parametrize(
    "change", [{"confidential": True}, {"secret_hash": "0" * 64}, {"enabled": False}, {"colour": "red"}]
)
def test_client_changes_follow_the_rules(clients, change):
    clients.register("shop", {"name": "Shop"})

    with pytest.raises(InvalidClientMetadata):
        clients.update("shop", change)


def test_file_clients_come_first_and_are_read_only(clients):
    with pytest.raises(InvalidClientMetadata, match="already used"):
        clients.register("cli", {})
    clients.register("shop", {"name": "Shop"})
    with pytest.raises(InvalidClientMetadata, match="already used"):
        clients.register("shop", {})
    for change in (clients.disable, clients.enable, clients.rotate_secret):
        with pytest.raises(InvalidClientMetadata, match="file"):
            change("cli")
    assert [client.client_id for client in clients.all()] == ["cli", "shop"]


def test_client_changes_are_recorded_without_secrets(clients, log):
    made = clients.register("shop", {"confidential": True}, with_secret=True)
    clients.update("shop", {"name": "Shop"})
    again = clients.rotate_secret("shop")
    clients.disable("shop")
    clients.disable("shop")
    clients.enable("shop")
    clients.enable("shop")

    assert [event.event for event in log()] == [
        EventType.CLIENT_REGISTERED,
        EventType.CLIENT_CHANGED,
        EventType.CLIENT_SECRET_ROTATED,
        EventType.CLIENT_DISABLED,
        EventType.CLIENT_ENABLED,
    ]
    assert made.secret != again.secret
    for secret in (made.secret, again.secret, made.client.secret_hash, again.client.secret_hash):
        assert secret not in str(log())
        assert secret not in repr(made)


def test_origin_holds_within_its_block():
    outer = current_origin()
    with with_origin(RequestOrigin("203.0.113.7")):
        assert current_origin().address == "203.0.113.7"
    assert current_origin() == outer
