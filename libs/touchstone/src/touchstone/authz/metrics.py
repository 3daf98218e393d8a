"""The process's metrics in Prometheus's text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf

from touchstone.following.follower import DocumentStats

_HELP = (
    "# HELP touchstone_authorizations_total Number of authorization requests, by rule and outcome.\n"
    "# TYPE touchstone_authorizations_total counter\n"
)
_AGE_HELP = (
    "# HELP touchstone_document_age_seconds Seconds since the issuer last confirmed the document; infinite if never.\n"
    "# TYPE touchstone_document_age_seconds gauge\n"
)


class Metrics:
    """Counts outcomes: `allowed`, or the slug of the refusal."""

    def __init__(self) -> None:
        self._outcomes: Counter[tuple[str, str]] = Counter()

    def count(self, rule: str, outcome: str) -> None:
        """Count one authorization request."""
        self._outcomes[rule, outcome] += 1

    def text(self, documents: Iterable[DocumentStats]) -> str:
        """Return the metrics, with the ages of these documents."""
        outcomes = [
            f'touchstone_authorizations_total{{rule="{rule}",outcome="{outcome}"}} {count}\n'
            for (rule, outcome), count in self._outcomes.items()
        ]
        ages = [
            f'touchstone_document_age_seconds{{document="{each.name}"}} {_number(each.age)}\n'
            for each in documents
        ]
        return "".join((_HELP, *outcomes, _AGE_HELP, *ages))


def _number(age: float | None) -> str:
    value = inf if age is None else age
    return "+Inf" if value == inf else f"{value:.3f}"
