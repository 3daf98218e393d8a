"""Which requests are allowed, and what the others get."""

import asyncio
import json
import threading

import pytest
from touchstone.authz.app import ExternalAuthorization, MustWaitError, leave_event_loop

from .conftest import RULES, ask, asking

STATUS = {"status_list": {"idx": 7, "uri": "https://issuer.example/status-lists/1"}}


@pytest.fixture(autouse=True)
def _published(publish):
    publish()


def slug(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    return body["type"].rpartition(":")[2]


@pytest.mark.parametrize("appended", ["", "/", "/orders/1", "/../admin", "//", "/\ufffd"])
def test_valid_token_is_allowed(app, bearer, appended):
    answer = ask(app, f"/authorize/orders{appended}", bearer(status=STATUS))

    assert (answer.status, answer.body, answer.headers) == (200, "", {"cache-control": "no-store"})


def test_missing_token_gets_challenge(app):
    answer = ask(app, "/authorize/orders")

    assert (answer.status, slug(answer)) == (401, "missing_token")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("rule", "claims", "expected"),
    [
        ("users", {}, "wrong_audience"),
        ("orders", {"aud": "another-service"}, "wrong_audience"),
        ("orders", {"exp": 1_899_999_000}, "expired_token"),
        ("orders", {"iss": "https://other.example"}, "wrong_issuer"),
        (
            "orders",
            {"status": {"status_list": {"idx": 1, "uri": "https://other.example/1"}}},
            "unknown_status",
        ),
    ],
)
def test_invalid_token_is_401(app, bearer, rule, claims, expected):
    answer = ask(app, f"/authorize/{rule}", bearer(**claims))

    assert (answer.status, slug(answer)) == (401, expected)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_forged_token_is_401(app, other_signer):
    answer = ask(app, "/authorize/orders", ("Authorization", f"Bearer {other_signer.token()}"))

    assert slug(answer) == "bad_signature"


def test_revoked_token_is_401(app, bearer, publish):
    publish(b"\x80\0", version=2)

    assert slug(ask(app, "/authorize/orders", bearer(status=STATUS))) == "revoked_token"


def test_two_authorization_headers_are_401(app, bearer):
    answer = ask(app, "/authorize/orders", bearer(), ("Authorization", ""))

    assert slug(answer) == "duplicate_authorization"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("orders:write profile:read", 200),
        ("profile:read orders:read orders:write", 200),
        ("orders:write", 403),
        ("", 403),
    ],
)
def test_rule_needs_all_scopes(app, bearer, scope, status):
    assert ask(app, "/authorize/place-order", bearer(scope=scope)).status == status


def test_missing_scope_is_named(app, bearer):
    answer = ask(app, "/authorize/place-order", bearer(scope="orders:write"))

    assert slug(answer) == "insufficient_scope"
    assert 'scope="orders:write profile:read"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/authorize",
        "/authorize/",
        "/authorize/unknown",
        "/authorize//orders",
        "/x/orders",
        "/orders",
        "*",
        "",
    ],
)
def test_unknown_path_is_404(app, bearer, path):
    answer = ask(app, path, bearer())

    assert (answer.status, slug(answer)) == (404, "not_found")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("0af7651916cd43dd8448eb211c80319c", True), ("a b", False), ("<script>", False), ("x" * 65, False)],
)
def test_refusal_repeats_safe_request_id(app, given, expected):
    body = json.loads(ask(app, "/authorize/orders", ("X-Request-ID", given)).body)

    assert body.get("request_id") == (given if expected else None)


def test_missing_keys_are_503(app, bearer, server, response):
    server.plan(response(503), at="/.well-known/jwks.json")

    answer = ask(app, "/authorize/orders", bearer())

    assert (answer.status, slug(answer)) == (503, "keys_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_missing_list_is_503(app, bearer, server, response):
    server.plan(response(503), at="/status-lists/1")

    answer = ask(app, "/authorize/orders", bearer(status=STATUS))

    assert (answer.status, slug(answer)) == (503, "status_unavailable")


def test_fresh_rule_needs_confirmation(app, issuer, bearer, server, response):
    assert ask(app, "/authorize/admin", bearer()).status == 200
    issuer.documents.fresh_within = 0.000_001
    server.plan(response(503), at="/.well-known/jwks.json")

    answers = [ask(app, f"/authorize/{rule}", bearer()) for rule in ("admin", "orders")]

    assert [answer.status for answer in answers] == [503, 200]
    assert slug(answers[0]) == "unconfirmed"


class SlowIssuer:
    """An issuer that has to be waited for until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def verify(self, token, *, fresh=False):
        leave_event_loop()
        self.go.wait(10)
        raise MustWaitError


def test_waiting_requests_are_bounded():
    issuer = SlowIssuer()
    app = ExternalAuthorization(issuer, RULES)

    async def many():
        waiting = [
            asyncio.create_task(asking(app, "/authorize/orders", ("Authorization", "Bearer x")))
            for _ in range(64)
        ]
        await asyncio.sleep(0)
        refused = await asking(app, "/authorize/orders", ("Authorization", "Bearer x"))
        issuer.go.set()
        return refused, await asyncio.gather(*waiting, return_exceptions=True)

    refused, waited = asyncio.run(many())

    assert slug(refused) == "keys_unavailable"
    assert {type(each) for each in waited} == {MustWaitError}


def test_livez_is_always_200(app):
    assert json.loads(ask(app, "/livez").body) == {"status": "alive"}


def test_readyz_reports_documents(app, bearer, server, response):
    server.plan(response(503), at="/.well-known/jwks.json")
    before = ask(app, "/readyz")
    server.plan(response(200, b"", {}), at="/nothing")

    assert (before.status, json.loads(before.body)["status"]) == (503, "unready")
    assert "jwks" in json.loads(before.body)["documents"]


def test_readyz_is_200_with_keys(app, bearer):
    ask(app, "/authorize/orders", bearer(status=STATUS))
    answer = ask(app, "/readyz")

    assert (answer.status, json.loads(answer.body)["status"]) == (200, "ready")
    assert set(json.loads(answer.body)["documents"]) == {"jwks", "status-lists/1"}


def test_metrics_count_outcomes_and_ages(app, bearer):
    assert 'touchstone_document_age_seconds{document="jwks"} +Inf\n' in ask(app, "/metrics").body
    ask(app, "/authorize/orders", bearer())
    ask(app, "/authorize/orders")
    ask(app, "/authorize/orders")
    answer = ask(app, "/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'touchstone_authorizations_total{rule="orders",outcome="allowed"} 1\n' in answer.body
    assert 'touchstone_authorizations_total{rule="orders",outcome="missing_token"} 2\n' in answer.body
    assert 'touchstone_document_age_seconds{document="jwks"} +Inf\n' not in answer.body


def test_lifespan_follows_and_closes(app, issuer, eventually):
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        if len(messages) == 1:
            eventually(issuer.ready)
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert issuer.documents._closed
