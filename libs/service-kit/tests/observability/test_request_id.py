import re

import pytest
from service_kit.observability import request_id


@pytest.fixture(autouse=True)
def _outside_of_any_request():
    yield
    request_id._request_id.set(None)
    request_id._trace.set(None)


def test_outside_of_a_request_each_call_gets_names_of_its_own():
    assert request_id.request_id() != request_id.request_id()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", request_id.traceparent())


def test_a_trace_is_continued_with_a_new_span():
    trace = request_id.parse_traceparent("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    request_id.bind("an-id", trace)
    first, second = request_id.traceparent(), request_id.traceparent()
    assert first.startswith("00-" + "a" * 32)
    assert first.endswith("-01")
    assert first != second
    assert request_id.request_id() == "an-id"


def test_a_request_without_a_trace_begins_one():
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
def test_a_malformed_trace_is_not_continued(value):
    assert request_id.parse_traceparent(value) is None


def test_a_later_version_may_say_more():
    assert request_id.parse_traceparent("01-" + "a" * 32 + "-" + "b" * 16 + "-01-more") == ("a" * 32, "01")


def test_a_request_leaves_no_names_behind(client):
    client.get("/livez", headers={"X-Request-ID": "gone"})
    assert request_id.current_request_id() is None
