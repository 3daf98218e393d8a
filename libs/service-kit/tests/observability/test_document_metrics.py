import math
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry
from service_kit.observability.document_metrics import MAX_DOCUMENTS, DocumentMetrics, report


@dataclass(frozen=True)
class Stats:
    name: str
    age: float | None = 1.25
    version: int = 2
    fetches: int = 9
    unchanged: int = 5
    failures: int = 1
    waits: int = 4
    last_error: str | None = None


@pytest.fixture
def scrape():
    def read(*stats):
        registry = CollectorRegistry()
        registry.register(DocumentMetrics(lambda: list(stats)))
        return registry.get_sample_value

    return read


def test_report_has_document_by_name():
    assert report(lambda: [Stats("jwks", age=1.23456)]) == {
        "jwks": {
            "age": 1.235, "version": 2, "fetches": 9, "unchanged": 5, "failures": 1, "waits": 4, "last_error": None,
        }
    }  # fmt: skip


def test_report_unconfirmed_document_has_no_age():
    assert report(lambda: [Stats("jwks", age=None)])["jwks"]["age"] is None


def test_unconfirmed_document_age_is_infinite(scrape):
    assert (
        scrape(Stats("jwks", age=None))("touchstone_document_age_seconds", {"document": "jwks"}) == math.inf
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("touchstone_document_age_seconds", 1.25),
        ("touchstone_document_version", 2),
        ("touchstone_document_waits_total", 4),
    ],
)
def test_metrics_are_labelled_with_document(scrape, name, value):
    assert scrape(Stats("jwks"), Stats("status-lists/1"))(name, {"document": "status-lists/1"}) == value


@pytest.mark.parametrize(("outcome", "count"), [("changed", 3), ("unchanged", 5), ("failed", 1)])
def test_each_fetch_has_one_outcome(scrape, outcome, count):
    labels = {"document": "jwks", "outcome": outcome}
    assert scrape(Stats("jwks"))("touchstone_document_fetches_total", labels) == count


def test_number_of_labels_is_bounded(scrape):
    many = [Stats(f"status-lists/{number}") for number in range(1000)]
    assert len(report(lambda: many)) == MAX_DOCUMENTS
    last = {"document": f"status-lists/{MAX_DOCUMENTS}"}
    assert scrape(*many)("touchstone_document_version", last) is None


def test_describe_reads_no_values():
    def never():
        raise AssertionError("asked")

    CollectorRegistry().register(DocumentMetrics(never))
