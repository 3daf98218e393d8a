"""The output of every script: tables, and promises with PASS or FAIL."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """Return the rows as aligned text: numbers to the right, words to the left."""
    cells = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(headers), *cells]) for i in range(len(headers))]
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(headers))]

    def line(values: Sequence[str]) -> str:
        return "  ".join(
            v.rjust(w) if right else v.ljust(w) for v, w, right in zip(values, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(list(headers)), line(["-" * w for w in widths]), *map(line, cells)])


@dataclass(frozen=True)
class Promise:
    """A promise of the project and the measured figure."""

    name: str
    value: float
    bound: float
    op: str = "<="

    _compare: ClassVar[dict[str, Callable[[float, float], bool]]] = {"<=": operator.le, ">=": operator.ge}

    @property
    def holds(self) -> bool:
        """Return whether the measured figure keeps the promise."""
        return self._compare[self.op](self.value, self.bound)

    def __str__(self) -> str:
        verdict = "PASS" if self.holds else "FAIL"
        return f"{verdict}  {self.name}: {self.value:.3g} (promised {self.op} {self.bound:g})"
