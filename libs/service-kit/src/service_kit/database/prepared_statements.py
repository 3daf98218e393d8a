"""SELECTs that are compiled once and executed by the driver alone.

SQLAlchemy's work for each execution takes longer than SQLite's.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Executable
from sqlalchemy.engine import Compiled
from sqlalchemy.exc import DataError, DBAPIError

from service_kit.observability import spans
from service_kit.worker_threads import require_thread

MAX_KEPT_CONNECTIONS = 4  # for the next statement; others go back to the pool
UNFIT_VALUE_ERRORS = (OverflowError, UnicodeEncodeError)  # for values that the driver cannot send
Row: TypeAlias = Sequence[Any]  # the values of the statement's columns


class PreparedStatement:
    """One statement in a database's dialect: its text, and the conversions of its parameters and columns.

    Parameters must not be lists (`IN` has another text for each length of a list).
    """

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.text = str(compiled)
        self._names: Sequence[str] | None = compiled.positiontup  # type: ignore[attr-defined]
        self._values: dict[str, Any] = dict(compiled.params)
        self._required = {name for name, bind in compiled.binds.items() if bind.required}  # type: ignore[attr-defined]
        binds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}  # type: ignore[attr-defined]
        processors = {name: kind.bind_processor(dialect) for name, kind in binds.items()}
        self._binding = {name: process for name, process in processors.items() if process is not None}
        columns = getattr(statement, "selected_columns", ())
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._results = [(place, process) for place, process in enumerate(results) if process is not None]

    def rows(self, connection: Any, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows; raise TypeError unless `parameters` are those of the statement."""
        if parameters.keys() != self._required:
            raise TypeError(f"parameters: {sorted(parameters)} instead of {sorted(self._required)}")
        values = {**self._values, **parameters}
        for name, process in self._binding.items():
            values[name] = process(values[name])
        given = values if self._names is None else [values[name] for name in self._names]
        found: list[Any] = connection.execute(self.text, given).fetchall()
        if self._results:
            found = [[*row] for row in found]
            for place, process in self._results:
                for row in found:
                    row[place] = process(row[place])
        return found


class StatementReader:
    """Executes SELECTs as prepared statements on connections of an engine that commits each statement.

    Each statement is kept for the life of the process, and up to MAX_KEPT_CONNECTIONS connections stay open.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: dict[Executable, PreparedStatement] = {}
        self._free: deque[tuple[Connection, Any]] = deque()

    def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows; replace a kept connection that is dead, raise SQLAlchemy's errors for all others."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = PreparedStatement(statement, self._engine.dialect)
        if spans.current() is None:
            return self._rows(prepared, parameters)
        with spans.statement(prepared.text, self._engine.dialect.name):
            return self._rows(prepared, parameters)

    def _rows(self, prepared: PreparedStatement, parameters: Mapping[str, Any]) -> list[Row]:
        while True:
            try:
                (held, driver), kept = self._free.pop(), True
            except IndexError:
                require_thread()
                held, kept = self._engine.connect(), False
                driver = held.connection.driver_connection
            try:
                found = prepared.rows(driver, parameters)
            except Exception as error:
                if self._is_dead(error, driver):
                    _end(held)
                    if kept:
                        continue
                else:
                    self._keep(held, driver)
                raise self._as_sqlalchemy(prepared, error) from error
            except BaseException:
                _end(held)
                raise
            self._keep(held, driver)
            return found

    def close(self, *_: object) -> None:
        """Close the kept connections."""
        while self._free:
            _end(self._free.pop()[0])

    def _keep(self, held: Connection, driver: object) -> None:
        if len(self._free) < MAX_KEPT_CONNECTIONS:
            self._free.append((held, driver))
        else:
            held.close()

    def _is_dead(self, error: Exception, driver: Any) -> bool:
        dialect = self._engine.dialect
        return isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(error, driver, None)

    def _as_sqlalchemy(self, prepared: PreparedStatement, error: Exception) -> Exception:
        """Return the error that SQLAlchemy would raise, without the values."""
        base = self._engine.dialect.loaded_dbapi.Error
        if isinstance(error, UNFIT_VALUE_ERRORS):
            return DataError(prepared.text, None, error, hide_parameters=True)
        if not isinstance(error, base):
            return error
        return DBAPIError.instance(
            prepared.text, None, error, base, hide_parameters=True, dialect=self._engine.dialect
        )


def _end(connection: Connection) -> None:
    connection.invalidate()
    connection.close()
