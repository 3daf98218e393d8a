"""What the tests of the mint share: stand-ins for its ports, the databases, and a mint of their own."""

import copy
import itertools
import re
import shutil
import socket
import sys
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from auth_service.adapters.client_files import ClientRegistry, packaged_clients
from auth_service.adapters.successor_encryption import HkdfSealer
from auth_service.app import create_app
from auth_service.domain.accounts.account import Account
from auth_service.domain.accounts.errors import MailBusy, TooBusy
from auth_service.domain.accounts.failed_logins import Failures
from auth_service.domain.accounts.password import Verdict
from auth_service.domain.audit_log import AuditEntry
from auth_service.domain.oauth.access_token import VerifiedToken
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.device_code import DeviceStatus
from auth_service.domain.oauth.refresh_token import StoredRefreshToken
from auth_service.domain.opaque_tokens import new_id
from auth_service.domain.request_context import current_origin
from auth_service.domain.security_events.event import KEPT, MOST_KEPT, QueueDepth, QueuedEvent
from auth_service.domain.security_events.stream import Method
from auth_service.domain.sessions.status_list import LIST_SIZE, Bit, Changes, ReadPosition, StatusRef
from auth_service.make_keys import make_keys
from auth_service.settings import Settings
from auth_service.storage import MIGRATIONS
from auth_service.storage.unit_of_work import SqlStore
from auth_service.use_cases.oauth.refresh_token_grant import RefreshTokenGrant
from auth_service.use_cases.oauth.token_issuer import Lifetimes, TokenIssuer
from auth_service.use_cases.security_events.emit import SecurityEventEmitter
from flask.testing import FlaskClient
from service_kit.database import open_database
from sqlalchemy import text
from structlog.testing import capture_logs
from testkit.clock import FakeClock
from testkit.concurrency import wait_for
from testkit.database import database_at, migrate, postgresql_url

START = 1_800_000_000
THREADS = {"watcher", "couriers", "key_schedule"}  # by the names under which an app keeps them


class MemoryStore:
    """The domain's Store, and all its repositories, in dictionaries; what raises changes nothing."""

    def __init__(self):
        tables = (
            "accounts",
            "sessions",
            "tokens",
            "assertions",
            "codes",
            "browsers",
            "consents",
            "mailed",
            "bits",
            "client_bits",
            "streams",
            "signals",
            "hint_keys",
        )
        self.rows = {name: {} for name in tables} | {
            "audit": [],
            "clients": {},
            "devices": {},
            "slow_downs": {},
        }
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self):
        with self._lock:
            before = copy.deepcopy(self.rows)
            self.txn = new_id()
            try:
                yield self
            except BaseException:
                self.rows = before
                raise

    @contextmanager
    def reading(self):
        with self._lock:
            yield self

    @property
    def accounts(self):
        return _MemoryAccounts(self.rows["accounts"])

    @property
    def sessions(self):
        return _MemorySessions(self.rows["sessions"], self.statuses)

    @property
    def statuses(self):
        return _MemoryStatuses(self.rows["bits"], self.rows["sessions"], self.rows["client_bits"])

    @property
    def listeners(self):
        return [SecurityEventEmitter(self)]

    @property
    def streams(self):
        return _MemoryStreams(self.rows["streams"], self.rows["signals"])

    @property
    def signals(self):
        return _MemorySignals(self.rows["signals"], self.rows["streams"], self.txn)

    def announce(self):
        """Wake nobody: whoever reads these rows is here."""

    @property
    def refresh_tokens(self):
        return _MemoryTokens(self.rows["tokens"], self.rows["sessions"])

    @property
    def assertions(self):
        return self

    joining = reading

    @property
    def hint_keys(self):
        return _MemoryHintKeys(self.rows["hint_keys"])

    @property
    def slow_downs(self):
        return _MemorySlowDowns(self.rows["slow_downs"])

    @property
    def device_codes(self):
        return _MemoryDeviceCodes(self.rows["devices"])

    @property
    def clients(self):
        return _MemoryClients(self.rows["clients"])

    @property
    def audit(self):
        return _MemoryAudit(self.rows["audit"])

    @property
    def authorization_codes(self):
        return _MemoryCodes(self.rows["codes"])

    @property
    def browser_sessions(self):
        return _MemoryBrowsers(self.rows["browsers"])

    @property
    def one_time_tokens(self):
        return _MemoryOneTimeTokens(self.rows["mailed"])

    @property
    def consents(self):
        return _MemoryConsents(self.rows["consents"])

    def remember(self, client_id, jti, until):
        return self.rows["assertions"].setdefault((client_id, jti), until) is until


@dataclass
class _MemorySlowDowns:
    rows: dict

    def get(self, keys):
        return {key: self.rows[key] for key in keys if key in self.rows}

    def count(self, key, at, memory):
        old = self.rows.get(key, Failures(0, at, 0.0))
        failures = 1 if old.last_failure_at < at - memory else old.failures + 1
        self.rows[key] = replace(old, failures=failures, last_failure_at=at)
        return failures

    def block(self, key, until):
        self.rows[key] = replace(self.rows[key], blocked_until=until)

    def note_place(self, key, at):
        self.rows[key] = replace(self.rows.get(key, Failures(0, at, 0.0)), last_failure_at=at)

    def forget(self, keys):
        for key in keys:
            self.rows.pop(key, None)


@dataclass
class _MemoryHintKeys:
    rows: dict

    def add(self, key):
        self.rows.setdefault(key.kid, key)

    def get(self, kid):
        return self.rows.get(kid)

    def remove(self, kid):
        return self.rows.pop(kid, None) is not None


@dataclass
class _MemoryDeviceCodes:
    rows: dict

    def add(self, code):
        if self.by_user_code(code.user_code_digest):
            return False
        self.rows[code.digest] = code
        return True

    def find(self, digest):
        return self.rows.get(digest)

    locked = find

    def by_user_code(self, digest):
        return next((each for each in self.rows.values() if each.user_code_digest == digest), None)

    def polled(self, digest, next_poll_at):
        self.rows[digest] = replace(self.rows[digest], next_poll_at=next_poll_at)

    def approve(self, digest, sub, methods, auth_time):
        return self._swap(digest, "pending", "approved", sub=sub, methods=methods, auth_time=auth_time)

    def deny(self, digest, sub):
        return self._swap(digest, "pending", "denied", sub=sub)

    def use(self, digest):
        return self._swap(digest, "approved", "used")

    def _swap(self, digest, old, new, **facts):
        if digest not in self.rows or self.rows[digest].status != old:
            return False
        self.rows[digest] = replace(self.rows[digest], status=DeviceStatus(new), **facts)
        return True


@dataclass
class _MemoryClients:
    rows: dict

    def add(self, client, at):
        return self.rows.setdefault(client.client_id, client) is client

    def get(self, client_id):
        return self.rows.get(client_id)

    locked = get

    def all(self):
        return [self.rows[client_id] for client_id in sorted(self.rows)]

    def replace(self, client):
        self.rows[client.client_id] = client

    def set_disabled(self, client_id, at):
        self.rows[client_id] = replace(self.rows[client_id], enabled=at is None)

    def hold(self, client_id):
        return client_id not in self.rows or self.rows[client_id].enabled


@dataclass
class _MemoryAudit:
    rows: list

    def record(self, *events):
        origin = current_origin()
        for event in events:
            named = replace(event, actor=event.actor or origin.operator)
            self.rows.append(
                AuditEntry(len(self.rows) + 1, float(START), named, origin.address, origin.request_id)
            )

    def entries(self, query, limit):
        found = [
            each
            for each in reversed(self.rows)
            if (query.before is None or each.id < query.before)
            and (query.since is None or each.at >= query.since)
            and query.event in {None, each.event.event}
        ]
        return found[:limit]


@dataclass
class _MemoryAccounts:
    rows: dict

    def add(self, account):
        if self.by_email(account.email):
            return False
        self.rows[account.sub] = account
        return True

    def by_email(self, email):
        return next((each for each in self.rows.values() if each.email == email), None)

    def get(self, sub):
        return self.rows.get(sub)

    locked = get

    def set_password_hash(self, sub, password_hash):
        self.rows[sub] = replace(self.rows[sub], password_hash=password_hash)

    def set_email_verified(self, sub, at):
        unverified = self.rows[sub].email_verified_at is None
        if unverified:
            self.rows[sub] = replace(self.rows[sub], email_verified_at=at)
        return unverified

    def set_disabled(self, sub, at):
        self.rows[sub] = replace(self.rows[sub], disabled_at=at)

    def set_roles(self, sub, roles):
        self.rows[sub] = replace(self.rows[sub], roles=roles)

    def page(self, after, limit):
        return [self.rows[sub] for sub in sorted(self.rows) if after is None or sub > after][:limit]


@dataclass
class _MemoryStreams:
    rows: dict
    signals: dict

    def add(self, stream):
        self.rows[stream.stream_id] = stream

    replace = add

    def get(self, stream_id):
        return self.rows.get(stream_id)

    def of(self, client_id):
        return [each for each in self.all() if each.client_id == client_id]

    locked = of

    def all(self):
        return sorted(self.rows.values(), key=lambda each: (each.created_at, each.stream_id))

    def due(self, now):
        waiting = {signal.stream_id for signal, next_try in self.signals.values() if next_try <= now}
        pushed = [each for each in self.all() if each.method == Method.PUSH]
        return [each for each in pushed if each.status == "enabled" and each.stream_id in waiting]

    def remove(self, stream_id):
        self.rows.pop(stream_id, None)


@dataclass
class _MemorySignals:
    rows: dict  # by jti: a signal, and when it is tried next
    streams: dict
    txn: str

    def record(self, *happenings):
        for told, stream in itertools.product(happenings, self.streams.values()):
            if stream.status != "disabled" and told.event in stream.delivered:
                facts = (told.event, told.body, float(told.body["event_timestamp"]), told.sub, told.sid)
                self.add(QueuedEvent(new_id(), stream.stream_id, self.txn, *facts))

    def add(self, signal):
        self.rows[signal.jti] = (signal, signal.created_at)

    def waiting(self, stream_id, limit):
        found = [signal for signal, _ in self.rows.values() if signal.stream_id == stream_id]
        return sorted(found, key=lambda each: each.created_at)[:limit]

    def claim(self, stream_id, now, until, limit):
        due = [each for each in self.waiting(stream_id, len(self.rows)) if self.rows[each.jti][1] <= now]
        claimed = [replace(each, attempts=each.attempts + 1) for each in due[:limit]]
        self.rows.update({each.jti: (each, until) for each in claimed})
        return claimed

    def postpone(self, signal, until):
        mine = signal.jti in self.rows and self.rows[signal.jti][0].attempts == signal.attempts
        if mine:
            self.rows[signal.jti] = (signal, until)
        return mine

    def remove(self, stream_id, jtis):
        mine = [jti for jti in set(jtis) if jti in self.rows and self.rows[jti][0].stream_id == stream_id]
        for jti in mine:
            del self.rows[jti]
        return len(mine)

    def clear(self, stream_id):
        return self.remove(stream_id, list(self.rows))

    def trim(self, now):
        kept = {jti for each in self.streams for jti in self._kept(each, now)}
        gone = [jti for jti in self.rows if jti not in kept]
        for jti in gone:
            del self.rows[jti]
        return len(gone)

    def _kept(self, stream_id, now):
        waiting = self.waiting(stream_id, len(self.rows))[-MOST_KEPT:]
        return [each.jti for each in waiting if each.created_at >= now - KEPT]

    def newest(self):
        newest = max(
            (signal for signal, _ in self.rows.values()), key=lambda each: each.created_at, default=None
        )
        return newest and newest.jti

    def depths(self, now):
        depths = {}
        for signal, _ in self.rows.values():
            stream = self.streams.get(signal.stream_id)
            if stream is not None:
                old = depths.get(stream.method, QueueDepth(stream.method, 0, 0.0))
                age = max(old.oldest, now - signal.created_at)
                depths[stream.method] = QueueDepth(stream.method, old.waiting + 1, age)
        return list(depths.values())


@dataclass
class _MemoryStatuses:
    """``bits`` gives the number of the change that set each; the next free index is the next session's."""

    bits: dict
    sessions: dict
    clients: dict

    def settle(self):
        """There is always one list."""

    def free(self):
        return StatusRef(1, sum(each.status is not None for each in self.sessions.values()))

    def assign(self, sid):
        session = self.sessions.get(sid)
        if session is not None and session.status is None:
            session = self.sessions[sid] = replace(session, status=self.free())
        return session.status if session else None

    def of_client(self, client_id):
        free = StatusRef(1, LIST_SIZE - 1 - len(self.clients) - len(self.bits))
        return self.clients.setdefault(client_id, free)

    def find_of_client(self, client_id):
        return self.clients.get(client_id)

    def take_from_client(self, client_id):
        return self.clients.pop(client_id, None)

    def revoke(self, refs, at):
        for ref in refs:
            self.bits.setdefault(ref, len(self.bits) + 1)

    def changes(self, since):
        seen = since.number if since else 1
        bits = [Bit(*ref, revoked=True) for ref, change in self.bits.items() if change >= seen]
        return Changes(bits, {1: LIST_SIZE}, ReadPosition(len(self.bits) + 1, float(START)), since is None)


@dataclass
class _MemorySessions:
    rows: dict
    statuses: object

    def add(self, session):
        self.rows[session.sid] = replace(session, status=self.statuses.free())
        return self.rows[session.sid]

    def get(self, sid):
        return self.rows.get(sid)

    def living(self, sub, now):
        return self._living(now, lambda each: each.sub == sub)

    def living_of_client(self, client_id, now):
        return self._living(now, lambda each: each.client_id == client_id)

    def living_of_browser(self, digest, now):
        return self._living(now, lambda each: each.browser_session == digest)

    def move_browser(self, old, new):
        for sid, session in self.rows.items():
            if session.browser_session == old:
                self.rows[sid] = replace(session, browser_session=new)

    def _living(self, now, wanted):
        found = [each for each in self.rows.values() if each.live(now) and wanted(each)]
        return sorted(found, key=lambda each: (each.auth_time, each.sid))

    def page(self, sub, after, limit, now):
        found = self._living(
            now, lambda each: sub in {None, each.sub} and (after is None or each.sid > after)
        )
        return sorted(found, key=lambda each: each.sid)[:limit]

    def touch(self, sid, at, address, user_agent, tokens_until):
        facts = {"last_used_at": at, "address": address, "user_agent": user_agent}
        self.rows[sid] = replace(self.rows[sid], tokens_until=tokens_until, **facts)

    def mark_ended(self, sids, reason, at):
        found = [self.rows[sid] for sid in sorted(sids) if sid in self.rows]
        over = {"ended_at": at, "end_reason": str(reason), "tokens_until": None}
        ended = [replace(session, **over) for session in found if session.ended_at is None]
        self.rows.update({session.sid: session for session in ended})
        return ended


@dataclass
class _MemoryTokens:
    rows: dict
    sessions: dict

    def add(self, token):
        self.rows[token.digest] = token

    def find(self, digest):
        token = self.rows.get(digest)
        after = self.rows.get(token.successor) if token else None
        return (
            None
            if token is None
            else StoredRefreshToken(token, after is not None and after.used_at is not None)
        )

    def replace(self, digest, successor, sealed, at):
        token = self.rows.get(digest)
        if token is None or token.used_at is not None or self.sessions[token.sid].ended_at is not None:
            return False
        self.rows[digest] = replace(token, used_at=at, successor=successor.digest, sealed=sealed)
        self.rows[successor.digest] = successor
        return True


@dataclass
class _MemoryCodes:
    rows: dict

    def add(self, code):
        self.rows[code.digest] = code

    def find(self, digest):
        return self.rows.get(digest)

    def claim(self, digest, at):
        code = self.rows.get(digest)
        if code is None or code.used_at is not None:
            return False
        self.rows[digest] = replace(code, used_at=at)
        return True

    def opened(self, digest, sid):
        self.rows[digest] = replace(self.rows[digest], sid=sid)


@dataclass
class _MemoryBrowsers:
    rows: dict

    def add(self, session):
        self.rows[session.digest] = session

    def get(self, digest):
        return self.rows.get(digest)

    def mark_ended(self, digest, at):
        session = self.rows.get(digest)
        if session is None or session.ended_at is not None:
            return False
        self.rows[digest] = replace(session, ended_at=at)
        return True

    def end_all(self, sub, at, *, but=None):
        for digest, session in list(self.rows.items()):
            if session.sub == sub and digest != but:
                self.mark_ended(digest, at)


@dataclass
class _MemoryOneTimeTokens:
    rows: dict

    def add(self, *tokens):
        self.rows.update({token.digest: token for token in tokens})

    def get(self, digest):
        return self.rows.get(digest)

    def bound(self, purpose, email, binding_digest):
        wanted = (purpose, email, binding_digest)
        return next(
            (
                each
                for each in self.rows.values()
                if (each.purpose, each.email, each.binding_digest) == wanted
            ),
            None,
        )

    def outstanding(self, purpose, email, now):
        live = [each for each in self.rows.values() if each.expires_at > now]
        return sum((each.purpose, each.email) == (purpose, email) for each in live)

    def use(self, digest, at):
        token = self.rows.get(digest)
        if token is None or not token.live(at):
            return False
        self.rows[digest] = replace(token, used_at=at)
        return True

    def take_try(self, digest, at):
        token = self.rows.get(digest)
        if token is None or not token.live(at) or not token.tries_left:
            return False
        self.rows[digest] = replace(token, tries_left=token.tries_left - 1)
        return True


@dataclass
class _MemoryConsents:
    rows: dict

    def get(self, sub, client_id):
        return self.rows.get((sub, client_id))

    def put(self, consent):
        self.rows[consent.sub, consent.client_id] = consent


class ClientAtIssuer(FlaskClient):
    """A client that opens every path at the issuer's address, where pages are shown."""

    def open(self, *args, **kwargs):
        if args and isinstance(args[0], str):
            kwargs.setdefault("base_url", self.application.config["ISSUER"])
        return super().open(*args, **kwargs)


class FakeHasher:
    """Hashes nothing, and writes down what it was asked: ``work`` is what a real one would have cost."""

    def __init__(self):
        self.work = []
        self.version = 1
        self.busy = False
        self.meanwhile = lambda: None

    def hash(self, password):
        self._start("hash")
        return f"v{self.version}:{password}"

    def verify(self, password_hash, password):
        self._start("verify")
        self.meanwhile()
        if password_hash is None or password_hash.partition(":")[2] != password:
            return Verdict(fits=False)
        return Verdict(fits=True, outdated=not password_hash.startswith(f"v{self.version}:"))

    def _start(self, what):
        if self.busy:
            raise TooBusy("all places are taken", retry_after=1)
        self.work.append(what)


class FakeSigner:
    """Signs nothing, and keeps the claims: ``claims[token]``."""

    def __init__(self):
        self.claims = {}

    def sign(self, claims, *, typ):
        token = f"{typ}-{len(self.claims)}"
        self.claims[token] = dict(claims)
        return token


@dataclass
class FakeReader:
    """The domain's TokenReader over what the FakeSigner signed."""

    signer: FakeSigner

    def read(self, token, audience):
        found = self.read_any(token)
        return found if found and audience in found.audiences else None

    def read_any(self, token):
        claims = self.signer.claims.get(token)
        if claims is None:
            return None
        audience = claims["aud"]
        return VerifiedToken(
            subject=claims["sub"],
            client_id=claims["client_id"],
            audiences=(audience,) if isinstance(audience, str) else tuple(audience),
            scopes=frozenset(claims["scope"].split()),
            roles=frozenset(claims["roles"]),
            expires_at=claims["exp"],
            issued_at=claims["iat"],
            token_id=claims["jti"],
            session_id=claims.get("sid"),
            auth_time=claims.get("auth_time"),
            actors=_chain(claims.get("act")),
            status=_status(claims.get("status")),
        )


def _chain(act):
    return () if act is None else (act["sub"], *_chain(act.get("act")))


def _status(claim):
    if claim is None:
        return None
    listed = claim["status_list"]
    return StatusRef(int(listed["uri"].rpartition("/")[2]), listed["idx"])


@dataclass
class FakeOutbox:
    """Sends nothing, and shows what it was given: `letters`, and `work`, which counts what was no letter too."""

    letters: list = field(default_factory=list)
    work: int = 0
    full: bool = False

    def post(self, letter):
        if self.full:
            raise MailBusy("full", retry_after=5)
        self.work += 1
        if letter is not None:
            self.letters.append(letter)

    @property
    def last(self):
        return self.letters[-1]

    @property
    def token(self):
        return self.last.link.partition("token=")[2]

    @property
    def code(self):
        return re.search(r"^[B-Z]{4}-[B-Z]{4}$", self.last.text, re.MULTILINE)[0]


@dataclass
class Rules:
    """The domain with all its ports: whatever a test needs of it hangs here."""

    store: object
    clock: FakeClock
    hasher: FakeHasher = field(default_factory=FakeHasher)
    signer: FakeSigner = field(default_factory=FakeSigner)
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    extra_clients: tuple = ()

    def __post_init__(self):
        self.clients = ClientRegistry([*packaged_clients(), *self.extra_clients])
        self.issuing = TokenIssuer("http://localhost:8080", self.lifetimes, self.signer, self.clock)
        self.reader = FakeReader(self.signer)
        self.refresh = RefreshTokenGrant(self.store, self.clients, HkdfSealer(), self.issuing)
        self._numbers = itertools.count()

    def account(self, email=None, **changes):
        """Keep an account and give it."""
        number = next(self._numbers)
        made = Account(
            sub=str(uuid.UUID(int=number)),
            email=email or f"someone{number}@example.com",
            name="Someone",
            roles=frozenset({"customer"}),
            password_hash="v1:password",
            created_at=self.clock(),
            email_verified_at=self.clock(),
        )
        made = replace(made, **changes)
        with self.store.transaction() as tx:
            assert tx.accounts.add(made)
        return made

    def client(self, client_id="cli"):
        return self.clients.get(client_id)

    def register(self, client_id, **facts):
        """Replace or add a client."""
        base = self.client(client_id) or Client(client_id, client_id, confidential=False, grants=frozenset())
        self.clients._clients[client_id] = replace(base, **facts)
        return self.clients._clients[client_id]

    def open(self, account, client_id="cli", grant=None):
        """Open a session and give (session, refresh token, access token)."""
        from auth_service.domain.oauth.scopes import grant_for_account

        grant = grant or grant_for_account(account, self.client(client_id), None, ())
        with self.store.transaction() as tx:
            opened = self.issuing.open_session(tx, account, self.client(client_id), grant, methods=("pwd",))
        answer = self.issuing.for_session(opened.session, account, grant, opened.refresh_token)
        return opened.session, opened.refresh_token, answer.access_token

    def session(self, sid):
        with self.store.reading() as tx:
            return tx.sessions.get(sid)


@pytest.fixture(autouse=True)
def _no_module_of_the_folders_name():
    """Forget the package that pytest makes of this folder: Flask would look there for the app of the same name."""
    sys.modules.pop("auth-service", None)


@pytest.fixture
def clock():
    return FakeClock(START)


@pytest.fixture
def memory():
    return MemoryStore()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A SQLite file with the tables and no rows, made once for all tests; copy it."""
    file = tmp_path_factory.mktemp("migrated") / "auth.db"
    migrate(f"sqlite:///{file}", MIGRATIONS)
    return file


@pytest.fixture
def sqlite_file(migrated, tmp_path):
    return shutil.copy(migrated, tmp_path / "auth.db")


@pytest.fixture
def sqlite(sqlite_file, clock):
    engine = open_database(f"sqlite:///{sqlite_file}")
    yield SqlStore(engine, clock, listeners=[SecurityEventEmitter])
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_migrated():
    """The URL of a PostgreSQL database with the tables and no rows, made once for all tests; copy it."""
    with postgresql_url() as url:
        migrate(url, MIGRATIONS)
        yield url


@pytest.fixture
def postgresql(postgresql_migrated, clock):
    """A database of this test's own, on the server that TEST_POSTGRES_URL names."""
    with postgresql_url(postgresql_migrated) as url, database_at(url) as database:
        yield SqlStore(database.engine, clock, listeners=[SecurityEventEmitter])


@pytest.fixture
def settled():
    """`settled(store)`: wait until a reader of changes starts after what was committed before.

    PostgreSQL counts the transactions of all databases of a server, those of tests that run beside this one too.
    """

    def wait(store):
        engine = store._database.engine
        if engine.dialect.name == "postgresql":
            ask = "SELECT CAST(CAST(pg_snapshot_{}(pg_current_snapshot()) AS text) AS bigint)"
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                begun = connection.scalar(text(ask.format("xmax")))
                wait_for(lambda: connection.scalar(text(ask.format("xmin"))) >= begun)

    return wait


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request):
    """Every implementation of the domain's port in turn, the tests' own one too."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The store over either database in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def rules(memory, clock):
    return Rules(memory, clock)


@pytest.fixture
def make_rules(clock):
    """`make_rules(store)`: the domain over this store."""
    return lambda store, **parts: Rules(store, clock, **parts)


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory):
    """Keys as the command makes them, once for all tests; copy before changing anything."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, ["orders-service", "introspector"], START - 1000)
    return folder


@pytest.fixture
def keys_dir(made_keys, tmp_path):
    folder = tmp_path / "keys"
    shutil.copytree(made_keys, folder)
    return folder


@pytest.fixture
def hasher():
    return FakeHasher()


@pytest.fixture
def outbox():
    return FakeOutbox()


@pytest.fixture
def make_app(sqlite_file, keys_dir, hasher, outbox, clock):
    """Make auth-service over a SQLite file, keys and an outbox of this test; no thread of it outlives the test."""
    apps = []

    def make(outbox=outbox, **settings):
        options = {"database_url": f"sqlite:///{sqlite_file}", "keys_dir": keys_dir, "demo": True}
        options["key_rotation_interval"] = 0  # no thread unless a test is about it
        settings = Settings(**options | settings)
        app = create_app(settings, hasher=hasher, outbox=outbox, now=clock)
        apps.append(app)
        app.config["ISSUER"] = settings.issuer
        app.test_client_class = ClientAtIssuer
        return app

    yield make
    for app in apps:
        for thread in THREADS & app.extensions.keys():
            app.extensions[thread].stop()
        app.extensions["engine"].dispose()


@pytest.fixture
def lose_database(sqlite_file):
    """`lose_database(app)`: from now on there is nothing to be opened where its file was."""

    def lose(app):
        numbers = itertools.count()
        while not sqlite_file.is_dir():
            sqlite_file.rename(sqlite_file.with_name(f"gone-{next(numbers)}"))
            with suppress(FileExistsError):  # a thread of the mint has opened a new one in between
                sqlite_file.mkdir()
        app.extensions["engine"].dispose()  # last: that thread may have had the old one open

    return lose


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def free_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def silent_port():
    """A port on which somebody listens, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def logged():
    """What the log says so far, as one text."""
    with capture_logs() as lines:
        yield lambda: repr(lines)
