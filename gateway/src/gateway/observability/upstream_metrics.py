"""Prometheus metrics of the calls to the services, by upstream: a client chooses none of the labels."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from service_kit.http_client.circuit_breaker import State

from gateway.http_client.address import Address
from gateway.http_client.upstreams import Upstream
from gateway.observability.durations import Durations, histogram

# Of status codes, by first digit.
CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx", "7xx", "8xx", "9xx")
_STATES: tuple[State, ...] = ("closed", "half-open", "open")


class UpstreamMetrics(Collector):
    """Counts calls; reads connections, breakers and long polls when Prometheus asks. Only the event loop counts."""

    def __init__(
        self, upstreams: Mapping[str, Upstream], addresses: Callable[[Upstream], Sequence[Address]]
    ) -> None:
        self._upstreams = upstreams
        self._addresses = addresses
        self._calls: Counter[tuple[str, str]] = Counter()
        self._durations = {name: Durations() for name in upstreams}

    def observe(self, upstream: str, outcome: str, seconds: float) -> None:
        """Count a call that took `seconds` to the head of its response, or to the failure that `outcome` names."""
        self._calls[upstream, outcome] += 1
        self._durations[upstream].observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as Prometheus' registry expects them."""
        calls = CounterMetricFamily(
            "upstream_requests",
            "Number of calls to services, by class of the response's status or reason of the failure.",
            labels=("upstream", "outcome"),
        )
        for labels, count in list(self._calls.items()):
            calls.add_metric(labels, count)
        yield calls
        yield histogram(
            "upstream_request_duration_seconds",
            "Time from a call to the head of its response, long polls included.",
            "upstream",
            self._durations,
        )
        retries = CounterMetricFamily("upstream_retries", "Number of repeated calls.", labels=("upstream",))
        running = GaugeMetricFamily("upstream_requests_in_flight", "Calls under way.", labels=("upstream",))
        polls = GaugeMetricFamily("upstream_long_polls", "Long polls under way.", labels=("upstream",))
        connections = GaugeMetricFamily(
            "upstream_connections", "Open connections: busy or idle.", labels=("upstream", "state")
        )
        breakers = GaugeMetricFamily(
            "upstream_addresses",
            "Addresses, by the state of the circuit breaker.",
            labels=("upstream", "breaker"),
        )
        for name, upstream in self._upstreams.items():
            addresses = list(self._addresses(upstream))
            retries.add_metric((name,), upstream.retries)
            running.add_metric((name,), upstream.calls)
            polls.add_metric((name,), upstream.long_polls)
            connections.add_metric((name, "busy"), sum(each.calls for each in addresses))
            connections.add_metric((name, "idle"), sum(len(each.idle) for each in addresses))
            states = Counter(each.breaker.state for each in addresses)
            for state in _STATES:
                breakers.add_metric((name, state), states[state])
        yield from (retries, running, polls, connections, breakers)
