"""Request headers: refused, dropped, passed on and added."""

import pytest
from gateway.errors import Refusal
from gateway.headers import RequestHeaders, request_headers

from gateway import headers

HOST = (b"host", b"gateway.test")


def onward(*pairs):
    inbound = RequestHeaders([HOST, *pairs])
    return inbound.forwarded("192.0.2.1", "http", inbound.request_id(), inbound.traceparent)


DROPPED = [
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-forwarded-anything", "x-forwarded", "forwarded", "forwarded-for",
    "x-real-ip", "x-user-id", "x-user-roles", "x-original-url", "x-original-uri", "x-rewrite-url", "x-remote-user", "remote-user", "x-client-ip",
    "x-authenticated-user", "true-client-ip", "cf-connecting-ip", "x-http-method-override", "proxy", "proxy-authorization", "proxy-connection",
    "keep-alive", "te", "trailer", "upgrade", "http2-settings", "expect", "content-length", "x-accel-redirect",
]  # fmt: skip
SPELLINGS = [
    "x_forwarded_for",
    "x.forwarded.for",
    "x-forwarded_for",
    "x_user_id",
    "x.user.id",
    "x_real_ip",
    "x-real.ip",
    "x_original_url",
    "content_length",
    "transfer_encoding",
    "authorization_",
    "x!user",
    "proxy_",
]


@pytest.mark.parametrize("name", DROPPED + SPELLINGS)
def test_forged_header_is_dropped(name):
    lines = onward((name.encode(), b"forged"))

    assert not [line for line in lines if b"forged" in line]


def test_forwarded_headers_are_set():
    lines = onward()

    assert b"x-forwarded-for: 192.0.2.1" in lines
    assert b"x-forwarded-proto: http" in lines
    assert b"x-forwarded-host: gateway.test" in lines


def test_headers_empty_and_repeated_are_passed_on():
    lines = onward(
        (b"accept", b"*/*"),
        (b"x-empty", b""),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"authorization", b"Basic x"),
    )

    assert lines[:2] == [b"accept: */*", b"x-empty: "]
    assert {b"authorization: Basic x", b"cookie: a=1; b=2"} < set(lines)


@pytest.mark.parametrize("name", [b"session", b"__Host-session", b"session_login", b"__Host-session_login"])
def test_own_cookies_are_not_passed_on(name):
    headers = request_headers(((b"cookie", b"a=1; " + name + b"=secret;b=2"),))

    assert headers.own_cookies == {name: b"secret"}
    assert b"cookie: a=1; b=2" in headers.forwarded("192.0.2.1", "http", "r-1")


def test_repeated_own_cookie_counts_as_empty():
    headers = request_headers(((b"cookie", b"session=one; session=two"),))

    assert headers.own_cookies == {b"session": b""}
    assert not [line for line in headers.forwarded("192.0.2.1", "http", "r-1") if line.startswith(b"cookie")]


@pytest.mark.parametrize("connection", [b"x-secret", b"close, X-Secret", b"X_SECRET,keep-alive"])
def test_header_named_in_connection_is_dropped(connection):
    lines = onward((b"connection", connection), (b"x-secret", b"forged"), (b"accept", b"*/*"))

    assert not [line for line in lines if b"forged" in line]
    assert b"accept: */*" in lines


def test_connection_cannot_drop_framing_headers():
    inbound = RequestHeaders(
        [
            HOST,
            (b"connection", b"host, content-length, authorization"),
            (b"content-length", b"3"),
            (b"authorization", b"x"),
        ]
    )

    assert (inbound.host, inbound.content_length, inbound.authorization) == (b"gateway.test", 3, None)


def test_request_id_invalid_is_replaced():
    assert RequestHeaders([HOST, (b"x-request-id", b"abc.DEF-1")]).request_id() == "abc.DEF-1"
    assert RequestHeaders([HOST, (b"x-request-id", b"<script>")]).request_id() != "<script>"
    assert len(RequestHeaders([HOST]).request_id()) == 32


def test_traceparent_invalid_is_dropped():
    good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert b"traceparent: " + good in onward((b"traceparent", good))
    assert not [line for line in onward((b"traceparent", b"00-x")) if b"traceparent" in line]


@pytest.mark.parametrize(
    ("pairs", "version", "status"),
    [
        ([HOST, HOST], "1.1", 400),
        ([HOST, (b"authorization", b"a"), (b"authorization", b"b")], "1.1", 400),
        ([HOST, (b"content-length", b"1"), (b"content-length", b"1")], "1.1", 400),
        ([], "1.1", 400),
        ([(b"host", b"")], "1.1", 400),
        ([(b"host", b"a b")], "1.1", 400),
        ([(b"host", b"a/b")], "1.1", 400),
        ([(b"host", b"user@a")], "1.1", 400),
        ([HOST, (b"x", b"a\nb")], "1.1", 400),
        ([HOST, (b"authorization", b"a\x00b")], "1.1", 400),
        ([HOST, (b"content-length", b"1x")], "1.1", 400),
        ([HOST, (b"content-length", b"9" * 20)], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], "1.1", 400),
        ([HOST, (b"transfer-encoding", b"chunked"), (b"content-length", b"2")], "1.1", 400),
        ([HOST, (b"expect", b"200-maybe")], "1.1", 417),
        ([HOST, *[(b"x", b"y")] * 100], "1.1", 431),
        ([HOST, (b"x", b"y" * 33000)], "1.1", 431),
    ],
)
def test_headers_invalid_are_refused(pairs, version, status):
    with pytest.raises(Refusal) as refusal:
        RequestHeaders(pairs).check(version)

    assert refusal.value.kind.status == status


@pytest.mark.parametrize(
    ("pairs", "version"),
    [
        ([], "1"),
        ([(b"host", b"")], "1"),
        ([(b"host", b"[::1]:8080")], "1.1"),
        ([HOST, (b"expect", b"100-Continue")], "1.1"),
        ([HOST, (b"transfer-encoding", b"Chunked")], "1.1"),
    ],
)
def test_headers_valid_are_accepted(pairs, version):
    RequestHeaders(pairs).check(version)


def test_header_name_cache_is_bounded():
    for number in range(2000):
        RequestHeaders([HOST, (b"x-name-%d" % number, b"")])

    assert len(headers._verdicts) <= headers._MAX_VERDICTS


def test_equal_headers_are_parsed_once():
    pairs = [HOST, (b"accept", b"*/*")]

    assert headers.request_headers(pairs) is headers.request_headers(list(pairs))
    assert headers.request_headers(pairs).request_id() != headers.request_headers(pairs).request_id()


def test_recent_headers_are_bounded():
    for number in range(2000):
        headers.request_headers([HOST, (b"x", b"%d" % number)])
    long = [HOST, (b"x", b"y" * 5000)]

    assert len(headers._recent) <= headers._MAX_RECENT
    assert headers.request_headers(long) is not headers.request_headers(long)
