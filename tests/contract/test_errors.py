"""Invalid input is answered with a 4xx as problem+json at every service, never a 5xx."""

import json

import pytest

LIMIT = 64 * 1024
# A route of each service that takes JSON, and a valid body.
WRITES = {
    "auth-service": ("POST", "/login", {"email": "alice@example.com", "password": "x"}),
    "users-service": ("PATCH", "/users/me", {"name": "Alice"}),
    "orders-service": ("POST", "/orders", {"items": [{"sku": "TS-001", "quantity": 1}]}),
}
NOT_JSON = {
    "nothing": b"",
    "blanks": b"  \n ",
    "half an object": b'{"email": "a"',
    "two documents": b"{}{}",
    "a comma too many": b'{"email": "a",}',
    "single quotes": b"{'email': 'a'}",
    "a comment": b'{"email": "a"} // so',
    "NaN": b'{"items": NaN, "name": NaN, "email": NaN}',
    "Infinity": b'{"items": Infinity, "name": Infinity, "email": Infinity}',
    "-Infinity": b'{"items": -Infinity, "name": -Infinity, "email": -Infinity}',
    "a member twice": b'{"name": "a", "name": "b"}',
    "a member twice, further down": b'{"items": [{"sku": "a", "sku": "b"}]}',
    "a member twice in another spelling": b'{"name": "a", "n\\u0061me": "b"}',
    "lists 30,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "lists 60,000 deep without an end": b"[" * 60_000,
    "objects 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "bytes that are not UTF-8": b'{"name": "\xff\xfe"}',
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "a control character": b'{"name": "a\x00b"}',
    "a form": b"email=a&password=b",
    "XML": b"<order/>",
}
NOT_VALID = {
    "a list": [],
    "a string": "alice",
    "a number": 1,
    "null": None,
    "true": True,
    "wrong types": {"email": 1, "password": [], "name": {"a": 1}, "items": "all of them"},
    "nulls": {"email": None, "password": None, "name": None, "items": None},
    "booleans": {"email": True, "password": False, "name": True, "items": True},
    "line breaks": {"name": "a\nb", "items": [{"sku": "a\nb", "quantity": 1}]},
}


@pytest.fixture(params=["direct", pytest.param("gateway", marks=pytest.mark.compose)])
def via(request):
    return request.param


@pytest.fixture(params=list(WRITES))
def write(request, cluster, via, client_at, alice):
    """`write(body, type)`: send a body to the route of one service, as a user who may write."""
    method, path, _ = WRITES[request.param]
    own = client_at(cluster.urls[request.param if via == "direct" else "gateway"])
    return lambda body, media_type="application/json", **headers: own(
        method, path, token=alice.token, data=body, headers={"Content-Type": media_type, **headers}
    )


def is_problem(answer, *statuses):
    assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].startswith("urn:touchstone:problem:")
    assert body["title"]
    return True


@pytest.mark.parametrize("kind", list(NOT_JSON))
def test_invalid_json_is_400(write, kind):
    assert is_problem(write(NOT_JSON[kind]), 400)


@pytest.mark.parametrize("kind", list(NOT_VALID))
def test_invalid_body_is_422(write, kind):
    assert is_problem(write(json.dumps(NOT_VALID[kind]).encode()), 422)


def test_lone_surrogate_is_refused(write):
    assert is_problem(write(b'{"email": "\\ud800", "name": "\\udfff", "items": ["\\ud800"]}'), 400, 422)


def test_huge_number_is_refused(write):
    assert is_problem(write(b'{"items": %s, "name": %s, "email": %s}' % ((b"9" * 5000,) * 3)), 400, 422)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "application/jsonx",
        "image/png",
    ],
)
def test_wrong_media_type_is_415(write, media_type):
    assert is_problem(write(b"{}", media_type), 415)


def test_long_body_is_413(write):
    assert is_problem(write(b'{"name": "' + b"a" * LIMIT + b'"}'), 413)


def test_long_chunked_body_is_413(write):
    assert is_problem(write(iter([b'{"name": "', b"a" * LIMIT, b'"}'])), 413)


def test_deep_nesting_is_refused(write):
    assert is_problem(write(b"[" * 100_000), 400, 413)


@pytest.mark.parametrize(
    "path", ["/no/such/place", "/orders/x/y/z", "/users/a/b", "/.env", "/admin.php", "/livez/", "/%E0%A4%A"]
)
def test_unknown_path_is_404(each_service, alice, path):
    assert is_problem(each_service("GET", path, token=alice.token), 400, 404)


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("auth-service", "GET", "/login"),
        ("auth-service", "DELETE", "/.well-known/jwks.json"),
        ("auth-service", "PUT", "/accounts"),
        ("users-service", "DELETE", "/users/me"),
        ("users-service", "POST", "/users/me"),
        ("orders-service", "PUT", "/orders"),
        ("orders-service", "POST", "/products"),
        ("orders-service", "DELETE", "/orders/1"),
    ],
)
def test_wrong_method_is_405_with_allow(cluster, via, client_at, alice, service, method, path):
    answer = client_at(cluster.urls[service if via == "direct" else "gateway"])(
        method, path, token=alice.token
    )

    assert is_problem(answer, 405)
    assert answer.headers["Allow"]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "PROPFIND"])
def test_unknown_method_is_refused(each_service, raw_client, method):
    answer = raw_client(each_service.url)(method, "/orders")

    assert answer.status in (400, 401, 404, 405, 501)


@pytest.mark.compose
@pytest.mark.parametrize("path", ["/orders", "/users"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=1e9", "limit=99999999999999999999", "limit=%00"]
)
def test_invalid_limit_is_refused(gateway, admin, path, query):
    answer = gateway("GET", f"{path}?{query}", token=admin.token)

    assert is_problem(answer, 400, 422)


@pytest.mark.compose
@pytest.mark.parametrize("path", ["/orders", "/users"])
@pytest.mark.parametrize(
    "cursor", ["x", "....", "e30", "W10", "bnVsbA", "MQ", "%00", "A" * 5000, "%F0%9F%92%A9", "eyJhIjoxfQ=="]
)
def test_invalid_cursor_is_refused(gateway, admin, path, cursor):
    assert is_problem(gateway("GET", f"{path}?cursor={cursor}", token=admin.token), 400, 414, 422)
