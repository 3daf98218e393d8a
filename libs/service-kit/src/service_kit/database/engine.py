"""Engines for SQLite and PostgreSQL that keep their promises, and the two kinds of transaction."""

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

BUSY_TIMEOUT = 5.0
_ALIVE = text("SELECT 1")
READ_ONLY = "service_kit_read_only"
ONE_STATEMENT = "service_kit_one_statement"
_POSTGRES_OPTIONS = (
    "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
)

# A server that vanished without a word is noticed after seconds; TCP by itself would wait for a quarter of an hour.
ALIVE = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


def open_database(url: str | SecretStr, *, pool_size: int = 10, pool_timeout: float = 3) -> Engine:
    """Return an engine for a SQLite or PostgreSQL URL; nothing is connected yet.

    SQLite: WAL with synchronous=FULL (what was committed survives kill -9 and power loss), foreign keys checked,
    writers queue for at most 5 s. PostgreSQL (`postgresql://` means psycopg 3): dead connections are noticed before
    use, a server that vanished within 11 s; a statement takes at most 5 s, a lock is waited for at most 3 s, a connection
    of the pool at most `pool_timeout` s. Of the `pool_size` connections a Database keeps up to 4 for its reads.
    A value that no column can hold is a DataError on both. ValueError: any other database.
    """
    engine = _engine(
        make_url(url.get_secret_value() if isinstance(url, SecretStr) else url), pool_size, pool_timeout
    )
    event.listen(engine, "handle_error", _name_unfit_values)
    return engine


def _name_unfit_values(context: ExceptionContext) -> Exception | None:
    """Make a DataError, as of any other value that a column cannot hold, of what the driver could not even send."""
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
    """Hold an exclusive lock between processes; the system frees it when a process dies."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def lock_file(database: Path, purpose: str) -> Path:
    """Return the file whose lock guards one kind of change to the database as a whole."""
    return database.with_name(f"{database.name}.{purpose}-lock")


def _sqlite(url: URL) -> Engine:
    file = sqlite_file(url)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": BUSY_TIMEOUT}}
    if file is None:
        options["poolclass"] = StaticPool  # one connection is the whole database
    engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, **options)

    @event.listens_for(engine, "do_connect")
    def before(_dialect: object, _record: object, _args: object, _kwargs: object) -> None:
        if file is not None and not file.exists():
            # SQLite says in its own way that it cannot open the file: a folder that is missing is not made here.
            with contextlib.suppress(OSError):
                # May hold password hashes.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes too late for two writers; see `begin`.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        if file is not None and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with file_lock(lock_file(file, "open")):  # the change of mode does not wait for others by itself
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a transaction that reads before it writes must hold the lock from the start, or it fails instead of waiting
        options = connection.get_execution_options()
        if READ_ONLY in options:
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN DEFERRED")  # never waits: SQLite takes its lock at the first statement
        elif ONE_STATEMENT not in options:
            turns.begin(connection)

    turns = SqliteWriteQueue(BUSY_TIMEOUT)
    event.listen(engine, "checkin", turns.finished)
    return engine


class Database:
    """A service's database, as its repositories use it: `begin()` to write, `read()` to look, `fetch()` for one look.

    The first two give a Session for one transaction: committed when the block ends, rolled back when it raises.
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
        """One writing transaction. On SQLite writers queue here, for at most 5 s (then OperationalError)."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction: a consistent view that waits for no writer. PostgreSQL refuses writes in it."""
        with self._reading.begin() as connection, Session(connection, expire_on_commit=False) as session:
            yield session

    def fetch(self, statement: Executable, **parameters: Any) -> Sequence[Row]:
        """Return all rows of one SELECT, which is a transaction of its own and waits for no writer.

        The statement is a constant of a module: it is compiled once and kept. Its parameters are bound by name and are no
        lists; TypeError for others than it has.
        """
        return self._reader.rows(statement, parameters)


def _one_statement(engine: Engine) -> Engine:
    """Return the engine whose connections make each statement a transaction of its own."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(**{ONE_STATEMENT: True})


def threads_at_once(engine: Engine) -> int:
    """Return how many threads of a process should serve requests at once: as many as answered most (bench/README.md).

    SQLite works in the process, and more threads only hand the interpreter's lock to and fro; PostgreSQL works elsewhere.
    """
    return 4 if engine.dialect.name == "postgresql" else 1


def database_check(engine: Engine) -> Callable[[], str | None]:
    """Return a readiness check: the database answers a query."""
    connecting = _one_statement(engine)

    def check() -> str | None:
        try:
            with connecting.connect() as connection:
                connection.execute(_ALIVE)
        except (SQLAlchemyError, OSError) as error:
            return f"the database does not answer ({type(error).__name__})"
        return None

    return check
