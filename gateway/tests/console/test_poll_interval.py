"""Which requests make the streams of processes poll fast."""

import pytest
from gateway.app import create_app


class Interval:
    """Counts the requests seen."""

    seen = 0

    def request_seen(self):
        self.seen += 1


@pytest.fixture
def counted(another_upstream, settings, serve):
    """A gateway, and the interval of its streams."""
    app = create_app(settings(another_upstream.url, rate_limits=False))
    app.poll_interval = interval = Interval()
    with serve(app) as running:
        yield running, interval


def test_request_that_may_end_a_session_is_seen(counted):
    gateway, interval = counted
    gateway.request("GET", "/livez")
    gateway.request("POST", "/login", body=b"{}")  # without a cookie
    assert interval.seen == 0
    gateway.request("POST", "/bff/logout", "X-Requested-With: touchstone")
    assert interval.seen == 1


def test_stream_without_a_session_is_refused(counted):
    gateway, _ = counted
    response = gateway.request("GET", "/console/processes")
    assert response.status in {401, 503}  # 503: without keys for the cookie
    response.problem()
