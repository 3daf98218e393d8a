"""What is told of the issuer's documents that a service follows: in /readyz, and to Prometheus."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from touchstone import DocumentStats

MAX_DOCUMENTS = 65  # the keys, and as many lists as are followed at once
Stats: TypeAlias = Callable[[], Sequence[DocumentStats]]


def report(stats: Stats) -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of each document, by its name; `age` in seconds, or None while it was never confirmed."""
    documents = {}
    for each in stats()[:MAX_DOCUMENTS]:
        told = asdict(each)
        told["age"] = None if each.age is None else round(each.age, 3)
        documents[str(told.pop("name"))] = told
    return documents


class DocumentMetrics(Collector):
    """The figures of the followed documents, read when Prometheus asks.

    What was never confirmed is infinitely old, so that an alert on the age needs no second rule.
    """

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without asking for figures."""
        return self._families([])

    def collect(self) -> Iterator[Metric]:
        """Return the figures to Prometheus' registry."""
        return self._families(self._stats()[:MAX_DOCUMENTS])

    def _families(self, documents: Sequence[DocumentStats]) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "touchstone_document_age_seconds",
            "Time since the issuer last confirmed the document; infinite if it never did.",
            labels=("document",),
        )
        version = GaugeMetricFamily(
            "touchstone_document_version",
            "Changes of the document seen by this process.",
            labels=("document",),
        )
        fetches = CounterMetricFamily(
            "touchstone_document_fetches",
            "Requests for the document, by outcome.",
            labels=("document", "outcome"),
        )
        waits = CounterMetricFamily(
            "touchstone_document_waits",
            "Requests for the document that the issuer held until it changed, or for as long as it may.",
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
