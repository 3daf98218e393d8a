"""Response headers: dropped and added."""

import pytest
from gateway.response_headers import SECURITY_HEADERS, ResponseHeaders


def response(status, headers, security=()):
    return ResponseHeaders(security)(status, headers)


def test_response_headers_revealing_are_dropped():
    came = [
        (b"server", b"granian"),
        (b"date", b"x"),
        (b"connection", b"x-internal"),
        (b"x-internal", b"1"),
        (b"keep-alive", b"5"),
        (b"x-powered-by", b"p"),
    ]

    assert response(200, came) == []


def test_response_gets_missing_security_headers():
    kept = response(
        200,
        [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-frame-options", b"SAMEORIGIN")],
        SECURITY_HEADERS,
    )

    assert kept[:3] == [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-frame-options", b"SAMEORIGIN")]
    assert (b"x-content-type-options", b"nosniff") in kept
    assert (b"x-frame-options", b"DENY") not in kept


@pytest.mark.parametrize("pair", [(b"content-length", b"5x"), (b"a b", b"1"), (b"x", b"a\rb"), (b"", b"1")])
def test_response_header_invalid_is_dropped(pair):
    assert response(200, [pair]) == []


def test_content_length_at_most_once():
    assert response(304, [(b"content-length", b"5")]) == []
    assert response(200, [(b"content-length", b"5"), (b"content-length", b"6")]) == [
        (b"content-length", b"5")
    ]
