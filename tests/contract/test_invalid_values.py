"""No route answers 500 to a value that PostgreSQL, or a file name, cannot hold."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from testkit.cluster import DEMO_PASSWORD, SERVICES
from testkit.database import postgresql_url
from testkit.forked_cluster import ForkedCluster
from testkit.user import User

IN_URL = {
    "NUL": "%00",
    "an invalid byte": "%ff",
    "half a surrogate": "%ed%a0%80",
    "a client break": "a%0d%0aSet-Cookie:%20a=b",
    "control characters": "%01%1f%7f%c2%85",
    "a change of the writing direction": "%e2%80%ae",
    "digits of another script": "%d9%a1",
    "a number beyond 64 bits": "9" * 40,
    "a number beyond 32 bits": "4294967296",
    "a long text": "a" * 3000,
}
IN_JSON = {
    "NUL": r'"\u0000"',
    "NUL behind a letter": r'"a\u0000@example.com"',
    "half a surrogate": r'"\ud800"',
    "control characters": r'"\u0001\u001f\u007f\u0085"',
    "a number beyond 64 bits": "9" * 40,
    "a number beyond 32 bits": "4294967296",
    "a long text": json.dumps("a" * 3000),
    "null": "null",
    "a list with NUL": r'["\u0000"]',
    "an object with NUL": r'{"\u0000": 1}',
}
IN_HEADER = {"bytes beyond ASCII": b"\xff\xfe\xed\xa0\x80", "a long text": b"a" * 3000}
HEADERS = (
    *("Idempotency-Key", "If-None-Match", "Prefer", "X-Request-ID", "traceparent"),
    *("User-Agent", "Cookie", "X-Forwarded-For", "Authorization"),
)
PLAUSIBLE = {
    "email": '"alice@example.com"',
    "sku": '"mug-classic"',
    "quantity": "1",
    "grant_type": '"refresh_token"',
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[ForkedCluster]:
    """The four services, each with its own PostgreSQL database."""
    with contextlib.ExitStack() as stack:
        kept = [name for name, service in SERVICES.items() if service.database]
        only = {name: {"DATABASE_URL": stack.enter_context(postgresql_url())} for name in kept}
        yield stack.enter_context(ForkedCluster({"RATE_LIMITS": "off"}, only=only))


@pytest.fixture(scope="module")
def admin(cluster, client_at) -> User:
    return User(client_at(cluster.urls["auth-service"]), "admin@example.com", DEMO_PASSWORD)


class InvalidValues:
    """Sends invalid values to every operation of an OpenAPI document, one at a time, and keeps the faulty answers.

    `in_urls` leaves out bodies and headers.
    """

    def __init__(self, client, document: dict, token: str, *, in_urls: bool) -> None:
        self._client, self._document, self._token, self._in_urls = client, document, token, in_urls
        self.sent = 0
        self.faults: list[str] = []

    def __call__(self) -> None:
        for path, item in self._document["paths"].items():
            for method, operation in item.items():
                if method in {"get", "post", "put", "patch", "delete"}:
                    self._operation(method.upper(), path, operation)

    def _operation(self, method: str, path: str, operation: dict) -> None:
        parameters = operation.get("parameters", [])
        plain = path.replace("{", "").replace("}", "")  # the names of path parameters serve as values
        kind, body = self._body(operation)
        for case, value in IN_URL.items():
            for name in (each["name"] for each in parameters if each["in"] == "path"):
                target = path.replace(f"{{{name}}}", value).replace("{", "").replace("}", "")
                self._send(f"{name}: {case}", method, target, kind, body)
            for name in (each["name"] for each in parameters if each["in"] == "query"):
                self._send(f"?{name}: {case}", method, f"{plain}?{name}={value}", kind, body)
        if self._in_urls:
            return
        for kind in operation.get("requestBody", {}).get("content", {}):
            values = IN_JSON if kind == "application/json" else IN_URL
            for name in self._members(operation, kind):
                for case, value in values.items():
                    self._send(f"{name}: {case}", method, plain, *self._body(operation, name, value, kind))
        if method == "GET" or kind:
            for name, (case, value) in itertools.product(HEADERS, IN_HEADER.items()):
                self._send(f"{name}: {case}", method, plain, kind, body, (name, value))

    def _body(self, operation: dict, invalid: str = "", value: str = "", kind: str | None = None):
        """Return the media type and a body with plausible members but one, `invalid`."""
        content = operation.get("requestBody", {}).get("content", {})
        kind = kind or next(iter(content), None)
        if kind is None:
            return None, b""
        names = self._members(operation, kind)
        if kind == "application/json":
            members = {name: PLAUSIBLE.get(name, '"orders:read"') for name in names} | (
                {invalid: value} if invalid else {}
            )
            return kind, (
                "{" + ",".join(f'"{name}": {text}' for name, text in members.items()) + "}"
            ).encode()
        fields = {name: json.loads(PLAUSIBLE.get(name, '"x"')) for name in names if name != invalid}
        return kind, "&".join(
            filter(None, (urlencode(fields), f"{invalid}={value}" if invalid else ""))
        ).encode()

    def _members(self, operation: dict, kind: str) -> list[str]:
        schema = operation["requestBody"]["content"][kind]["schema"]
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return list(schema.get("properties", {}))

    def _send(self, what, method, target, kind, body, *lines) -> None:
        given = {name.lower() for name, _ in lines}
        lines += (("Content-Type", kind),) if kind and "content-type" not in given else ()
        lines += (("Authorization", f"Bearer {self._token}"),) if "authorization" not in given else ()
        answer = self._client(method, target, *lines, body=body)
        self.sent += 1
        if answer.status >= 500 and answer.status != 501:
            self.faults.append(f"{method} {target[:80]} {what}: {answer.status} {answer.body[:200]!r}")


@pytest.mark.parametrize("service", SERVICES)
def test_invalid_value_is_never_500(cluster, admin, raw_client, service):
    client = raw_client(cluster.urls[service])
    document, token = json.loads(client("GET", "/openapi.json").body), admin.log_in()["access_token"]
    # The services behind the gateway are tested directly: only URLs can make a difference there.
    sender = InvalidValues(client, document, token, in_urls=service == "gateway")

    sender()

    log = cluster.log(service)
    assert sender.faults == []
    assert "Traceback" not in log
    assert sender.sent > 50
