"""Engines for SQLite and PostgreSQL with durable commits and time limits, and their transactions."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, Executable, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from service_kit.database.prepared_statements import UNFIT_VALUE_ERRORS, Row, StatementReader
from service_kit.database.sqlite_write_queue import SqliteWriteQueue
from service_kit.observability import spans

BUSY_TIMEOUT_SECONDS = 5.0
_ALIVE = text("SELECT 1")
READ_ONLY = "service_kit_read_only"
ONE_STATEMENT = "service_kit_one_statement"
_POSTGRES_OPTIONS = (
    "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
)
_SESSION: dict[str, Any] = {
    "expire_on_commit": False,
    "execution_options": {"populate_existing": True, "synchronize_session": False},
}

# A server that is gone is noticed after seconds; the default of TCP is a quarter of an hour.
ALIVE = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


def open_database(url: str | SecretStr, *, pool_size: int = 10, pool_timeout: float = 3) -> Engine:
    """Return an engine for a SQLite or PostgreSQL URL; nothing is connected yet.

    SQLite: WAL with synchronous=FULL (commits survive kill -9 and power loss), foreign keys checked, writers queue
    for at most 5 s. PostgreSQL (`postgresql://` means psycopg 3): dead connections are noticed before use, a dead
    server within 11 s; limits are 5 s for a statement, 3 s for a lock, `pool_timeout` s for a connection of the pool.
    Of the `pool_size` connections a Database keeps up to 4 for its reads. A value that no column can hold is a
    DataError on both. Raise ValueError for other databases.
    """
    engine = _engine(
        make_url(url.get_secret_value() if isinstance(url, SecretStr) else url), pool_size, pool_timeout
    )
    event.listen(engine, "handle_error", _as_data_error)
    return engine


def _as_data_error(context: ExceptionContext) -> Exception | None:
    """Return a DataError for a value that the driver cannot send, as for other values that no column can hold."""
    error = context.original_exception
    if isinstance(error, UNFIT_VALUE_ERRORS):
        return DataError(context.statement, None, error, hide_parameters=True)
    return None


def _engine(parsed: URL, pool_size: int, pool_timeout: float) -> Engine:
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_recycle=1800,
            connect_args={**ALIVE, "options": _POSTGRES_OPTIONS},
            hide_parameters=True,
        )
    raise ValueError("only SQLite and PostgreSQL are supported")


def sqlite_file(url: URL) -> Path | None:
    """Return the file behind a SQLite URL, None for one in memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it ends with the process."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def lock_file(database: Path, purpose: str) -> Path:
    """Return the lock file for changes of one kind to the whole database."""
    return database.with_name(f"{database.name}.{purpose}-lock")


def _sqlite(url: URL) -> Engine:
    file = sqlite_file(url)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS}}
    if file is None:
        options["poolclass"] = StaticPool  # one connection is the whole database
    engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, **options)

    @event.listens_for(engine, "do_connect")
    def before(_dialect: object, _record: object, _args: object, _kwargs: object) -> None:
        if file is not None and not file.exists():
            with contextlib.suppress(OSError):  # SQLite then raises its own error
                # Mode 0600: the file may hold password hashes.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # The driver's own BEGIN is too late for two writers; see `begin`.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")
        if file is not None and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with file_lock(lock_file(file, "open")):  # SQLite does not wait here
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes must have the lock from its start, or it fails instead of waiting.
        options = connection.get_execution_options()
        if READ_ONLY in options:
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN DEFERRED")  # never waits: SQLite locks at the first statement
        elif ONE_STATEMENT not in options:
            writers.begin(connection)

    writers = SqliteWriteQueue(BUSY_TIMEOUT_SECONDS)
    event.listen(engine, "checkin", writers.release)
    return engine


class Database:
    """A service's database for its repositories: `begin()` to write, `read()` to read, `fetch()` for one SELECT.

    The first two yield a Session for one transaction: committed when the block ends, rolled back when it raises. It keeps
    no rows: every SELECT reads them again.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        if engine.dialect.name == "postgresql":
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reading = engine.execution_options(**snapshot)
        else:
            self._reading = engine.execution_options(**{READ_ONLY: True})
        self._reader = StatementReader(_one_statement(engine))
        event.listen(engine, "engine_disposed", self._reader.close)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Yield a writing transaction. On SQLite writers queue here, for at most 5 s (then OperationalError)."""
        with spans.transaction("transaction"), Session(self.engine, **_SESSION) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a reading transaction: a snapshot that waits for no writer. PostgreSQL refuses writes in it."""
        with (
            spans.transaction("read transaction"),
            self._reading.begin() as connection,
            Session(connection, **_SESSION) as session,
        ):
            yield session

    def fetch(self, statement: Executable, **parameters: Any) -> Sequence[Row]:
        """Return all rows of one SELECT, which is its own transaction and waits for no writer.

        The statement must be a constant of a module: it is compiled once and kept. Its parameters are bound by name
        and must not be lists. Raise TypeError unless `parameters` are those of the statement.
        """
        return self._reader.rows(statement, parameters)


def _one_statement(engine: Engine) -> Engine:
    """Return the engine whose connections commit each statement."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(**{ONE_STATEMENT: True})


def threads_at_once(engine: Engine) -> int:
    """Return how many threads of a process should run requests at once, as measured in bench/README.md.

    SQLite runs in the process, where more threads only compete for the interpreter's lock; PostgreSQL runs elsewhere.
    """
    return 4 if engine.dialect.name == "postgresql" else 1


def database_check(engine: Engine) -> Callable[[], str | None]:
    """Return the readiness check that the database answers a query."""
    reading = _one_statement(engine)

    def check() -> str | None:
        try:
            with reading.connect() as connection:
                connection.execute(_ALIVE)
        except (SQLAlchemyError, OSError) as error:
            return f"the database does not answer ({type(error).__name__})"
        return None

    return check
