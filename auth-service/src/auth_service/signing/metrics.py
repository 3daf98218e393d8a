"""Metrics of the signing keys: their number by state, and the age of the current one."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from auth_service.domain.clock import Clock
from auth_service.domain.signing_keys import KeyState, KeyStatus


class KeyMetrics(Collector):
    """Collected at each scrape."""

    def __init__(self, statuses: Callable[[], list[KeyStatus]], now: Clock) -> None:
        self._statuses, self._now = statuses, now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield `signing_keys` by state, and `signing_key_age_seconds` of the current key."""
        statuses = self._statuses()
        counts = Counter(status.state for status in statuses)
        keys = GaugeMetricFamily("signing_keys", "Number of signing keys, by state.", labels=["state"])
        for state in KeyState:
            keys.add_metric([state], counts[state])
        yield keys
        ages = [self._now() - each.created_at for each in statuses if each.state is KeyState.CURRENT]
        if ages:
            yield GaugeMetricFamily(
                "signing_key_age_seconds", "Age of the current signing key in seconds.", value=ages[0]
            )
