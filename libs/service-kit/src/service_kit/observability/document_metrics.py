"""The state of the issuer's documents, for /readyz and Prometheus."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from touchstone import DocumentStats

MAX_DOCUMENTS = 65  # the keys and 64 status lists
Stats: TypeAlias = Callable[[], Sequence[DocumentStats]]


def report(stats: Stats) -> Mapping[str, Mapping[str, Any]]:
    """Return the state of each document by its name; `age` is in seconds, None before the first confirmation."""
    documents = {}
    for each in stats()[:MAX_DOCUMENTS]:
        state = asdict(each)
        state["age"] = None if each.age is None else round(each.age, 3)
        documents[str(state.pop("name"))] = state
    return documents


class DocumentMetrics(Collector):
    """Collects the metrics of the followed documents when Prometheus reads them.

    The age of a document that was never confirmed is infinite, so that an alert on the age needs no second rule.
    """

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def describe(self) -> Iterator[Metric]:
        """Return the metrics without values."""
        return self._families([])

    def collect(self) -> Iterator[Metric]:
        """Return the metrics with their values."""
        return self._families(self._stats()[:MAX_DOCUMENTS])

    def _families(self, documents: Sequence[DocumentStats]) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "touchstone_document_age_seconds",
            "Seconds since the issuer last confirmed the document; infinite if it never did.",
            labels=("document",),
        )
        version = GaugeMetricFamily(
            "touchstone_document_version",
            "Number of changes of the document in this process.",
            labels=("document",),
        )
        fetches = CounterMetricFamily(
            "touchstone_document_fetches",
            "Number of requests for the document, by outcome.",
            labels=("document", "outcome"),
        )
        waits = CounterMetricFamily(
            "touchstone_document_waits",
            "Number of requests for the document that the issuer held until a change or its time limit.",
            labels=("document",),
        )
        for each in documents:
            age.add_metric((each.name,), math.inf if each.age is None else each.age)
            version.add_metric((each.name,), each.version)
            for outcome, count in _outcomes(each).items():
                fetches.add_metric((each.name, outcome), count)
            waits.add_metric((each.name,), each.waits)
        return iter((age, version, fetches, waits))


def _outcomes(document: DocumentStats) -> Mapping[str, int]:
    changed = document.fetches - document.unchanged - document.failures
    return {"changed": changed, "unchanged": document.unchanged, "failed": document.failures}
