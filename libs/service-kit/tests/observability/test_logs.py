import json
import logging

import pytest
import structlog
from service_kit.observability import logs
from service_kit.observability.logs import REDACTED, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


def lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "key",
    [
        "password", "new_password", "Password", "token", "access_token", "refresh_token", "authorization",
        "Authorization", "cookie", "set-cookie", "client_secret", "client_assertion", "code", "code_verifier",
        "database_url", "DATABASE_URL", "private_key", "passwd", "otp", "api_key",
    ],
)  # fmt: skip
def test_value_of_secret_key_is_redacted(key):
    assert redact({key: "hunter2"}) == {key: REDACTED}
    assert "hunter2" not in str(redact({"deep": [{key: ["hunter2"]}]}))


@pytest.mark.parametrize("key", ["status_code", "token_type", "token_id", "client_id", "path", "sub"])
def test_value_of_other_key_is_kept(key):
    assert redact({key: "visible"}) == {key: "visible"}


@pytest.mark.parametrize(
    "text",
    [
        f"bad token {JWT} refused",
        f"Authorization: Bearer {JWT}",
        "Bearer hunter2",
        "bearer hunter2",
        "Basic aHVudGVyMg== hunter2"[:20],
        "postgresql://me:hunter2@db/x",
        "GET /callback?code=hunter2&x=1",
        "grant_type=refresh_token&refresh_token=hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2",
    ],
)
def test_secret_in_text_is_redacted(text):
    cleaned = redact(text)
    assert REDACTED in cleaned
    assert "hunter2" not in cleaned
    assert "aHVudGVy" not in cleaned
    assert JWT not in cleaned


def test_redaction_of_repeated_prefix_is_fast():
    assert redact("/" + "eyJ" * 20_000) == f"/{REDACTED}"  # and takes seconds of everybody's time otherwise


def test_ordinary_text_is_kept():
    assert (
        redact("GET /orders?limit=3 by someone@example.com") == "GET /orders?limit=3 by someone@example.com"
    )


def test_odd_values_become_bounded_text():
    assert redact({"a": b"x\xff", "b": (1, None), "c": ValueError("v")}) == {
        "a": "x\ufffd",
        "b": [1, None],
        "c": "v",
    }
    deep: list = []
    deep.append(deep)
    assert "too deep" in json.dumps(redact(deep))


def test_request_is_one_line_without_query(client, capsys):
    client.get("/things/7?limit=3&code=hunter2", headers={"X-Request-ID": "the-id"})
    (line,) = lines(capsys)
    assert line.pop("duration_ms") >= 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "service": "test-service",
        "method": "GET",
        "path": "/things/7",
        "status": 200,
        "request_id": "the-id",
    }


def test_line_has_subject_of_verified_token(client, capsys):
    class Claims:
        subject = "someone"

    client.get("/things/7", environ_base={"touchstone.claims": Claims})
    assert lines(capsys)[0]["sub"] == "someone"


def test_health_and_metrics_are_logged_at_debug(client, capsys):
    for path in ("/livez", "/readyz", "/metrics"):
        client.get(path)
    assert lines(capsys) == []
    logs.configure("DEBUG", "test-service")
    client.get("/livez")
    assert lines(capsys)[0]["level"] == "debug"


def test_traceback_is_redacted(capsys):
    logs.configure("INFO", "x")
    try:
        raise ValueError(f"cannot read {JWT}")
    except ValueError:
        structlog.get_logger().exception("oh")
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert JWT not in line["exception"]


def test_library_logs_have_same_form(capsys):
    for _ in range(2):  # configuring again must not double the lines
        logs.configure("INFO", "x")
    logging.getLogger("some.library").warning("careful with %s", JWT)
    logging.getLogger("some.library").info("not worth a line")
    logging.getLogger("werkzeug").info("GET / 200")
    try:
        raise ValueError("inside")
    except ValueError:
        logging.getLogger("some.library").exception("broken")
    first, second = lines(capsys)
    assert (first["event"], first["logger"], first["level"]) == (
        f"careful with {REDACTED}",
        "some.library",
        "warning",
    )
    assert "ValueError: inside" in second["exception"]


def test_unformattable_message_raises_nothing(capsys):
    logs.configure("INFO", "x")
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        logging.getLogger("some.library").warning("%d", "no number")
    finally:
        logging.raiseExceptions = before
    assert lines(capsys) == []
