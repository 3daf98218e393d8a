"""The signing keys as Prometheus sees them: how many there are, and how old the one is that signs."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from auth_service.domain.clock import Clock
from auth_service.domain.signing_keys import KeyState, KeyStatus


class KeyMetrics(Collector):
    """Counts when it is asked."""

    def __init__(self, statuses: Callable[[], list[KeyStatus]], now: Clock) -> None:
        self._statuses, self._now = statuses, now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give ``signing_keys`` by state, and ``signing_key_age_seconds`` of the key that signs."""
        statuses = self._statuses()
        counts = Counter(status.state for status in statuses)
        keys = GaugeMetricFamily("signing_keys", "Signing keys, by state.", labels=["state"])
        for state in KeyState:
            keys.add_metric([state], counts[state])
        yield keys
        ages = [self._now() - each.created_at for each in statuses if each.state is KeyState.CURRENT]
        if ages:
            yield GaugeMetricFamily("signing_key_age_seconds", "Age of the key that signs.", value=ages[0])
