"""Transactions over all repositories, and the deletion of expired rows."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from service_kit.database import Database
from sqlalchemy import ColumnElement, Engine, delete, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as Db

from auth_service.domain.accounts.failed_logins import FORGET_AFTER_SECONDS, KNOWN_PLACE_SECONDS
from auth_service.domain.clock import Clock
from auth_service.domain.oauth.registry import Registry
from auth_service.domain.sessions.listener import SessionListener
from auth_service.domain.unit_of_work import Transaction
from auth_service.storage.accounts import SqlAccounts
from auth_service.storage.audit_log import SqlAuditLog
from auth_service.storage.authorization_codes import SqlAuthorizationCodes, SqlConsents
from auth_service.storage.browser_sessions import SqlBrowserSessions
from auth_service.storage.client_assertions import SqlUsedAssertions
from auth_service.storage.clients import SqlRegisteredClients
from auth_service.storage.device_codes import SqlDeviceCodes
from auth_service.storage.dialects import affected
from auth_service.storage.failed_logins import SqlFailedLogins
from auth_service.storage.hint_keys import SqlHintKeys
from auth_service.storage.notifications import notify
from auth_service.storage.one_time_tokens import SqlOneTimeTokens
from auth_service.storage.refresh_tokens import SqlRefreshTokens
from auth_service.storage.registry_rows import SqlRegistryRows
from auth_service.storage.sessions import SqlSessions
from auth_service.storage.status_bit_recycling import clear_bits, give_back
from auth_service.storage.status_bits import SqlStatuses, StatusPlan
from auth_service.storage.tables import (
    AuthorizationCodeRow,
    BrowserSessionRow,
    DeviceCodeRow,
    FailedLoginRow,
    HintKeyRow,
    OneTimeTokenRow,
    RefreshTokenRow,
    SessionRow,
    UsedAssertionRow,
)

_log = structlog.get_logger(__name__)
DEVICE_KEPT = 600.0  # seconds after its expiry, in which the device gets expired_token
BATCH = 100
SESSION_KEPT = 3600.0  # seconds after its absolute end, longer than any token of it lives
CODE_KEPT = 86_400.0  # seconds after its expiry, in which a second use still ends the session of the first
NewListener = Callable[["SqlTransaction"], SessionListener]


class SqlTransaction(Transaction):
    """The domain's Transaction over one database session."""

    def __init__(
        self, db: Db, now: Clock, plan: StatusPlan, listeners: Sequence[NewListener], fixed: Registry
    ) -> None:
        self.db, self.now = db, now
        self.announced = False
        self.statuses = statuses = SqlStatuses(db, now, plan, self.announce)
        self.accounts = SqlAccounts(db)
        self.audit = SqlAuditLog(db, now)
        self.clients = SqlRegisteredClients(db)
        self.registry = SqlRegistryRows(db, fixed)
        self.device_codes = SqlDeviceCodes(db)
        self.sessions = SqlSessions(db, statuses)
        self.refresh_tokens = SqlRefreshTokens(db)
        self.used_assertions = SqlUsedAssertions(db)
        self.authorization_codes = SqlAuthorizationCodes(db)
        self.browser_sessions = SqlBrowserSessions(db)
        self.consents = SqlConsents(db)
        self.hint_keys = SqlHintKeys(db)
        self.failed_logins = SqlFailedLogins(db)
        self.one_time_tokens = SqlOneTimeTokens(db)
        self.listeners = [new(self) for new in listeners]

    def announce(self) -> None:
        self.announced = True


class SqlStore:
    """The domain's Store; may be shared by any number of threads.

    `registry` are the rows of files. After every `prune_every` writes it also deletes expired rows, a bounded number each time.
    """

    def __init__(
        self,
        engine: Engine,
        now: Clock = time.time,
        *,
        prune_every: int = 64,
        plan: StatusPlan | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._database = Database(engine)
        self._now = now
        self._plan = plan or StatusPlan()
        self._registry = registry or Registry()
        self._listeners: list[NewListener] = []
        self._prune_every = prune_every
        self._writes = itertools.count(1)
        self._open: ContextVar[SqlTransaction | None] = ContextVar("open_transaction", default=None)

    def add_listener(self, new: NewListener) -> None:
        """Have `end_sessions` call another listener, created for each transaction."""
        self._listeners.append(new)

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Read and write; committed when the block ends, rolled back when it raises."""
        with self._database.begin() as db, self._current(db) as tx:
            yield tx
        if tx.announced:
            notify(self._database.engine)
        if next(self._writes) % self._prune_every == 0:
            self._prune_quietly()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """Read one consistent view; no writer is waited for or held up."""
        with self._database.read() as db, self._current(db) as tx:
            yield tx

    @contextmanager
    def joining(self) -> Iterator[SqlTransaction]:
        """Read within this context's transaction, if there is one: a second connection could deadlock with it."""
        current = self._open.get()
        if current is not None:
            yield current
            return
        with self.reading() as tx:
            yield tx

    @contextmanager
    def _current(self, db: Db) -> Iterator[SqlTransaction]:
        tx = SqlTransaction(db, self._now, self._plan, self._listeners, self._registry)
        token = self._open.set(tx)
        try:
            yield tx
        finally:
            self._open.reset(token)

    def prune(self, now: float) -> int:
        """Delete at most a batch from each table and return the number of rows; several processes may do so at once."""
        orphaned = ~select(RefreshTokenRow.digest).where(RefreshTokenRow.sid == SessionRow.sid).exists()
        long_over = SessionRow.expires_at < now - SESSION_KEPT
        with self._database.begin() as db:
            gone = _delete(
                db, [UsedAssertionRow.client_id, UsedAssertionRow.jti], UsedAssertionRow.until < now
            )
            gone += _delete(db, [RefreshTokenRow.digest], RefreshTokenRow.keep_until < now)
            gone += _delete(db, [SessionRow.sid], long_over, orphaned)
            codes, browsers = AuthorizationCodeRow, BrowserSessionRow
            gone += _delete(db, [codes.digest], codes.expires_at < now - CODE_KEPT)
            gone += _delete(db, [browsers.digest], browsers.expires_at < now)
            gone += _delete(db, [OneTimeTokenRow.digest], OneTimeTokenRow.expires_at < now)
            slow, last = FailedLoginRow, FailedLoginRow.last_failure_at
            gone += _delete(db, [slow.key_digest], slow.failures > 0, last < now - FORGET_AFTER_SECONDS)
            gone += _delete(db, [slow.key_digest], last < now - KNOWN_PLACE_SECONDS)
            gone += _delete(db, [DeviceCodeRow.digest], DeviceCodeRow.expires_at < now - DEVICE_KEPT)
            gone += _delete(db, [HintKeyRow.kid], HintKeyRow.keep_until < now)
            cleared = clear_bits(db, now, BATCH)
            gone += give_back(db, now, BATCH)
        if cleared:
            notify(self._database.engine)
        return gone + cleared

    def _prune_quietly(self) -> None:
        try:
            self.prune(self._now())
        except (
            SQLAlchemyError
        ) as error:  # the write before it was committed, and is what the caller asked for
            _log.warning("expired rows could not be removed", reason=type(error).__name__)


def _delete(
    db: Db, key: list[InstrumentedAttribute[str] | InstrumentedAttribute[bytes]], *over: ColumnElement[bool]
) -> int:
    table = key[0].class_
    some = select(*key).where(*over).limit(BATCH).with_for_update(skip_locked=True)
    return affected(db, delete(table).where(tuple_(*key).in_(some)))
