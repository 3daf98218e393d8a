"""Metrics of the status lists and of long polling."""

from collections.abc import Iterator
from math import isfinite

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from auth_service.signing.status_list_tokens import StatusLists
from auth_service.web.long_polling import LongPolls

_LISTS = (
    ("status_list_version", "Version of the status list in this process.", "version"),
    ("status_list_revoked", "Number of revoked entries in the status list.", "revoked"),
    ("status_list_size", "Number of entries in the status list.", "size"),
)


class PublishingMetrics(Collector):
    """Collects the values at each scrape, without access to the database."""

    def __init__(self, statuses: StatusLists, long_polls: LongPolls) -> None:
        self._statuses, self._long_polls = statuses, long_polls

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        long_polls = self._long_polls
        yield GaugeMetricFamily(
            "waiting_requests",
            "Long-polling requests that are waiting (Prefer: wait).",
            value=long_polls.waiting,
        )
        yield GaugeMetricFamily(
            "waiting_requests_limit",
            "Maximum number of waiting long-polling requests.",
            value=long_polls.limit,
        )
        yield CounterMetricFamily(
            "waiting_requests_refused",
            "Long-polling requests answered at once because the limit was reached.",
            value=long_polls.refused,
        )
        lists = self._statuses.all()
        for name, help_text, attribute in _LISTS:
            family = GaugeMetricFamily(name, help_text, labels=["list"])
            for each in lists:
                family.add_metric([str(each.number)], getattr(each, attribute))
            yield family
        if isfinite(self._statuses.age):
            yield GaugeMetricFamily(
                "status_look_age_seconds",
                "Seconds since the status lists were last read from the database.",
                value=self._statuses.age,
            )
