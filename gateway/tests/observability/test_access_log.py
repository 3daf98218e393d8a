"""The access log."""

import asyncio
import json

import pytest
import structlog
from gateway.observability.access_log import DELAY_SECONDS, AccessLog
from gateway.request import Request
from service_kit.observability import logs

JWT = "eyJhbGciOi.eyJzdWIi.c2ln"


def request(path="/orders/1", request_id=b"abc", subject=None):
    made = Request({"method": "GET", "headers": [(b"x-request-id", request_id)]}, None, None)
    made.path, made.status = path, 200
    if subject is not None:
        made.claims = Claims(subject)
    return made


class Claims:
    def __init__(self, subject):
        self.subject = subject


def logged(capsys, *requests):
    async def run():
        log = AccessLog()
        for each in requests:
            log.write(each, 0.0123)
        await asyncio.sleep(DELAY_SECONDS * 3)

    asyncio.run(run())
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_log_line_has_the_common_fields(capsys):
    (line,) = logged(capsys, request(subject='a"b'))
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
    expected = json.loads(capsys.readouterr().out)

    assert list(line) == list(expected)
    assert {**line, "timestamp": 0} == {**expected, "timestamp": 0}
    assert len(line["timestamp"]) == len(expected["timestamp"])


@pytest.mark.parametrize(
    "secret", [{"path": f"/orders/{JWT}"}, {"request_id": JWT.encode()}, {"subject": f"Bearer {JWT}"}]
)
def test_secret_is_redacted(capsys, secret):
    (line,) = logged(capsys, request(**secret))

    assert "eyJ" not in json.dumps(line)
    assert "[redacted]" in json.dumps(line)


def test_health_checks_are_not_logged(capsys):
    assert [line["path"] for line in logged(capsys, request("/livez"), request("/orders/2"))] == ["/orders/2"]
