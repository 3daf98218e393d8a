"""Metrics of requests."""

from service_kit.app import create_api


def test_requests_are_counted_by_rule(client):
    client.get("/things/1")
    client.get("/things/2")
    client.get("/secret/path")
    client.open("/things", method="BREW")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/things/<number>",status="200"} 2.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert 'http_request_duration_seconds_count{route="/things/<number>"} 2.0' in text
    assert "process_cpu_seconds_total" in text
    assert "secret" not in text


def test_apps_in_one_process_are_independent(settings):
    first, second = (create_api("x", settings, title="X", version="1").test_client() for _ in range(2))
    first.get("/livez")
    assert 'route="/livez"' not in second.get("/metrics").text
