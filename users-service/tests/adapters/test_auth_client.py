"""The client of auth-service against a real HTTP server."""

import pytest
from service_kit.http_client.service_client import ServiceClient
from testkit.upstream import Answer, FakeUpstream
from users_service.adapters.auth_client import MAX_FAILURES, RETRY_AFTER_SECONDS, AuthServiceNames

ADA = Answer(200, {"sub": "ada", "name": "Ada Lovelace"})
UNAVAILABLE = Answer(503, {}, {"Retry-After": "1"})


@pytest.fixture
def auth():
    with FakeUpstream(ADA) as upstream:
        yield upstream


@pytest.fixture
def names(auth, clock):
    return AuthServiceNames(ServiceClient(auth.url, sleep=lambda _: None), clock)


def test_name_is_requested_with_owners_token(auth, names):
    assert names.get("ada", "the-token") == "Ada Lovelace"

    (request,) = auth.received
    assert (request.method, request.path) == ("GET", "/account/name")
    assert request.headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    "answer",
    [
        UNAVAILABLE,
        Answer(401, {"sub": "ada", "name": "Ada"}),
        Answer(404),
        Answer(200, {"sub": "bob", "name": "Bob"}),
        Answer(200, {"sub": "ada"}),
        Answer(200, {"sub": "ada", "name": ""}),
        Answer(200, {"sub": "ada", "name": 7}),
        Answer(200, {"sub": "ada", "name": "a\nb"}),
        Answer(200, {"sub": "ada", "name": "x" * 201}),
        Answer(200, ["ada"]),
        Answer(200, b"no JSON"),
    ],
    ids=repr,
)
def test_response_without_name_is_none(auth, names, answer):
    auth.answers = [answer]

    assert names.get("ada", "the-token") is None


def test_unreachable_auth_service_is_none(auth, names):
    auth.close()

    assert names.get("ada", "the-token") is None


def test_failure_is_retried_after_pause(auth, names, clock):
    auth.answers = [UNAVAILABLE, ADA]

    assert [names.get("ada", "the-token") for _ in range(3)] == [None] * 3
    assert len(auth.received) == 1
    clock.advance(RETRY_AFTER_SECONDS)
    assert names.get("ada", "the-token") == "Ada Lovelace"
    assert names.get("ada", "the-token") == "Ada Lovelace"


def test_failure_does_not_delay_other_accounts(auth, names):
    auth.answers = [Answer(401), ADA]

    assert names.get("bob", "his-token") is None
    assert names.get("ada", "her-token") == "Ada Lovelace"


def test_remembered_failures_are_bounded(auth, names):
    auth.close()

    for number in range(MAX_FAILURES + 10):
        names.get(f"account {number}", "a-token")

    assert len(names._retry_at) == MAX_FAILURES
