"""Metrics of security events: queued events, their age, and the outcomes of attempts."""

import threading
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from auth_service.domain.clock import Clock
from auth_service.domain.delivery import Outcome
from auth_service.domain.security_events.event import QueueDepth
from auth_service.domain.security_events.stream import DeliveryMethod
from auth_service.domain.security_events.unit_of_work import SecurityEventStore

METHODS = {DeliveryMethod.PUSH.value: "push", DeliveryMethod.POLL.value: "poll"}


class EventMetrics(Collector):
    """Counts attempts in this process; queued events are read at each scrape, and left out without the database."""

    def __init__(self, store: SecurityEventStore, now: Clock) -> None:
        self._store, self._now = store, now
        self._lock = threading.Lock()
        self._outcomes: Counter[Outcome] = Counter()

    def count(self, outcome: Outcome, number: int = 1) -> None:
        """Count the outcome of `number` attempts."""
        with self._lock:
            self._outcomes[outcome] += number

    def collect(self) -> Iterator[Metric]:
        """Yield `signals_waiting` and `signals_oldest_age_seconds` by delivery, and `signal_tries_total` by outcome."""
        tries = CounterMetricFamily(
            "signal_tries", "Delivery attempts of this process, by outcome.", labels=["outcome"]
        )
        for outcome in Outcome:
            tries.add_metric([outcome], self._outcomes[outcome])
        yield tries
        try:
            with self._store.reading() as tx:
                found = {depth.method: depth for depth in tx.queued_events.depths(self._now())}
        except SQLAlchemyError:
            return
        waiting = GaugeMetricFamily("signals_waiting", "Number of queued events.", labels=["delivery"])
        oldest = GaugeMetricFamily(
            "signals_oldest_age_seconds", "Age of the oldest queued event in seconds.", labels=["delivery"]
        )
        for method, name in METHODS.items():
            depth = found.get(method, QueueDepth(method, 0, 0.0))
            waiting.add_metric([name], depth.waiting)
            oldest.add_metric([name], depth.oldest)
        yield waiting
        yield oldest
