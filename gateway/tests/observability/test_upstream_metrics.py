"""The metrics of calls to the services."""

import socket

import pytest
from gateway.http_client.address import Address
from gateway.http_client.upstreams import Upstream
from gateway.observability.upstream_metrics import UpstreamMetrics
from prometheus_client import CollectorRegistry

USERS = {"upstream": "users-service"}


@pytest.fixture
def address():
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    return Address(info, lambda: None, ready=True)


@pytest.fixture
def value(address):
    upstream = Upstream("users-service", "http://127.0.0.1:1", calls=3, long_polls=2, retries=1)
    metrics = UpstreamMetrics({"users-service": upstream}, lambda _: [address])
    registry = CollectorRegistry()
    registry.register(metrics)
    metrics.observe("users-service", "2xx", 0.002)
    metrics.observe("users-service", "upstream_timeout", 5.1)
    return lambda name, **labels: registry.get_sample_value(name, USERS | labels)


def test_calls_are_counted_by_outcome(value):
    assert value("upstream_requests_total", outcome="2xx") == 1
    assert value("upstream_requests_total", outcome="upstream_timeout") == 1
    assert value("upstream_request_duration_seconds_bucket", le="0.0025") == 1
    assert value("upstream_request_duration_seconds_count") == 2


def test_calls_under_way_are_read(value):
    assert value("upstream_requests_in_flight") == 3
    assert value("upstream_long_polls") == 2
    assert value("upstream_retries_total") == 1


def test_connections_and_breakers_are_read(value, address):
    address.calls = 2
    assert value("upstream_connections", state="busy") == 2
    assert value("upstream_connections", state="idle") == 0
    assert value("upstream_addresses", breaker="closed") == 1
    for _ in range(5):
        address.failed()
    assert value("upstream_addresses", breaker="closed") == 0
    assert value("upstream_addresses", breaker="open") == 1
