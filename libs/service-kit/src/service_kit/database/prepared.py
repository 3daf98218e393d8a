"""SELECTs that are compiled once and then put to the driver alone.

What SQLAlchemy does for each statement takes longer than SQLite does to answer it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Executable
from sqlalchemy.engine import Compiled

KEPT = 4  # connections that wait for the next statement; others go back to the pool
Row: TypeAlias = Sequence[Any]  # the values of the statement's columns


class Prepared:
    """One statement in a database's dialect: its text, and what values and columns go through.

    Its parameters may not be lists (`IN` with a list is another text for each length).
    """

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self._text = str(compiled)
        self._names: Sequence[str] | None = compiled.positiontup  # type: ignore[attr-defined]
        self._values: dict[str, Any] = dict(compiled.params)
        binds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}  # type: ignore[attr-defined]
        processors = {name: kind.bind_processor(dialect) for name, kind in binds.items()}
        self._binding = {name: process for name, process in processors.items() if process is not None}
        columns = getattr(statement, "selected_columns", ())
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._results = [(place, process) for place, process in enumerate(results) if process is not None]

    def rows(self, connection: Any, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows, asked of a connection of the driver."""
        values = {**self._values, **parameters}
        for name, process in self._binding.items():
            values[name] = process(values[name])
        given = values if self._names is None else [values[name] for name in self._names]
        found: list[Any] = connection.execute(self._text, given).fetchall()
        if self._results:
            found = [[*row] for row in found]
            for place, process in self._results:
                for row in found:
                    row[place] = process(row[place])
        return found


class Reader:
    """Puts prepared statements to connections of an engine that commits each statement, and keeps a few at hand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: dict[Executable, Prepared] = {}
        self._free: deque[tuple[Connection, Any]] = deque()

    def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows; what the driver raises is raised as it is, and its connection not used again."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._engine.dialect)
        try:
            held, driver = self._free.pop()
        except IndexError:
            held = self._engine.connect()
            driver = held.connection.driver_connection
        try:
            found = prepared.rows(driver, parameters)
        except BaseException:
            _end(held)
            raise
        if len(self._free) < KEPT:
            self._free.append((held, driver))
        else:
            held.close()
        return found

    def close(self, *_: object) -> None:
        """End the connections at hand."""
        while self._free:
            _end(self._free.pop()[0])


def _end(connection: Connection) -> None:
    connection.invalidate()
    connection.close()
