"""Histograms of durations in plain numbers: Prometheus' own take locks at each observation."""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from service_kit.observability.metrics import BUCKETS

_BOUNDS = [*map(str, BUCKETS), "+Inf"]


class Durations:
    """The durations with one label: a count for each bucket, and seconds in all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


def histogram(name: str, text: str, label: str, durations: Mapping[str, Durations]) -> HistogramMetricFamily:
    """Return the metric of durations by the values of a label."""
    family = HistogramMetricFamily(name, text, labels=(label,))
    for value, seen in list(durations.items()):
        buckets = list(zip(_BOUNDS, map(float, accumulate(seen.counts)), strict=True))
        family.add_metric((value,), buckets, seen.seconds)
    return family
