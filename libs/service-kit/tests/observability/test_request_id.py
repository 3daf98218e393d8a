import re

import pytest
from service_kit.observability import request_id


@pytest.fixture(autouse=True)
def _outside_of_any_request():
    yield
    request_id._request_id.set(None)
    request_id._trace.set(None)


def test_each_call_outside_request_has_new_id():
    assert request_id.request_id() != request_id.request_id()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", request_id.traceparent())


def test_trace_continues_with_new_span():
    trace = request_id.parse_traceparent("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    request_id.bind("an-id", trace)
    first, second = request_id.traceparent(), request_id.traceparent()
    assert first.startswith("00-" + "a" * 32)
    assert first.endswith("-01")
    assert first != second
    assert request_id.request_id() == "an-id"


def test_request_without_trace_starts_one():
    request_id.bind("an-id", None)
    assert request_id.traceparent()[:35] == request_id.traceparent()[:35]


@pytest.mark.parametrize(
    "value",
    [
        None, "", "x", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
        "ff-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-" + "A" * 32 + "-" + "b" * 16 + "-01",
        "00-" + "a" * 32 + "-" + "b" * 16 + "-01-more", "00-" + "a" * 31 + "-" + "b" * 16 + "-01",
    ],
)  # fmt: skip
def test_malformed_trace_is_ignored(value):
    assert request_id.parse_traceparent(value) is None


def test_later_traceparent_version_is_accepted():
    assert request_id.parse_traceparent("01-" + "a" * 32 + "-" + "b" * 16 + "-01-more") == ("a" * 32, "01")


def test_request_id_ends_with_request(client):
    client.get("/livez", headers={"X-Request-ID": "gone"})
    assert request_id.current_request_id() is None


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/breaks", "/openapi.json"])
def test_response_has_new_request_id(client, path):
    assert UUID.fullmatch(client.get(path).headers["X-Request-ID"])


def test_valid_request_id_is_kept(client):
    answer = client.get("/nowhere", headers={"X-Request-ID": "abc.DEF_1-2"})
    assert answer.headers["X-Request-ID"] == "abc.DEF_1-2"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a/b", "<script>", "\u00e9"])
def test_invalid_request_id_is_replaced(client, given):
    answer = client.get("/livez", headers={"X-Request-ID": given})
    assert UUID.fullmatch(answer.headers["X-Request-ID"])
