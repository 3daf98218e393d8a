"""What is written down about a request."""

import asyncio
import json

import pytest
import structlog
from gateway.access_log import LATE
from gateway.metrics import Record
from gateway.request import Visit
from gateway.routes import Table
from service_kit.observability import logs

JWT = "eyJhbGciOi.eyJzdWIi.c2ln"


def visit(path="/orders/1", request_id=b"abc", subject=None):
    made = Visit({"method": "GET", "headers": [(b"x-request-id", request_id)]}, None, None)
    made.path, made.status = path, 200
    made.route = Table().find("GET", "/orders/1")
    if subject is not None:
        made.claims = Claims(subject)
    return made


class Claims:
    def __init__(self, subject):
        self.subject = subject


def said(capsys, *visits):
    async def run():
        record = Record()
        for each in visits:
            record.request(each)
        await asyncio.sleep(LATE * 3)

    asyncio.run(run())
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_the_fields_that_every_service_writes_in_their_order(capsys):
    (line,) = said(capsys, visit(subject='a"b'))
    logs.configure("INFO", "gateway")
    structlog.get_logger("request").info(
        "request",
        method="GET",
        path="/orders/1",
        status=200,
        duration_ms=line["duration_ms"],
        request_id="abc",
        sub='a"b',
    )
    usual = json.loads(capsys.readouterr().out)

    assert list(line) == list(usual)
    assert {**line, "timestamp": 0} == {**usual, "timestamp": 0}
    assert len(line["timestamp"]) == len(usual["timestamp"])


@pytest.mark.parametrize(
    "secret", [{"path": f"/orders/{JWT}"}, {"request_id": JWT.encode()}, {"subject": f"Bearer {JWT}"}]
)
def test_what_looks_like_a_secret_is_not_written(capsys, secret):
    (line,) = said(capsys, visit(**secret))

    assert "eyJ" not in json.dumps(line)
    assert "[redacted]" in json.dumps(line)


def test_health_is_asked_for_in_silence(capsys):
    assert [line["path"] for line in said(capsys, visit("/livez"), visit("/orders/2"))] == ["/orders/2"]


def test_requests_are_counted_by_route():
    record = Record(log=False)
    for path in ("/orders/1", "/orders/2"):
        record.request(visit(path))
    labels = {"method": "GET", "route": "/orders/{id}", "status": "200"}

    assert record.registry.get_sample_value("http_requests_total", labels) == 2
    assert (
        record.registry.get_sample_value("http_request_duration_seconds_count", {"route": "/orders/{id}"})
        == 2
    )
    record.close()
