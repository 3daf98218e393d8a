"""Asking auth-service for the name of an account: a real server answers, or none does."""

import pytest
from service_kit.http_client.service_client import ServiceClient
from testkit.upstream import Answer, FakeUpstream
from users_service.adapters.auth_client import MOST_PAUSED, PAUSE_SECONDS, AuthServiceNames

ADA = Answer(200, {"sub": "ada", "name": "Ada Lovelace"})
AWAY = Answer(503, {}, {"Retry-After": "1"})


@pytest.fixture
def auth():
    with FakeUpstream(ADA) as upstream:
        yield upstream


@pytest.fixture
def names(auth, clock):
    return AuthServiceNames(ServiceClient(auth.url, sleep=lambda _: None), clock)


def test_the_name_is_asked_for_with_the_owners_token(auth, names):
    assert names.fetch("ada", "the-token") == "Ada Lovelace"

    (request,) = auth.received
    assert (request.method, request.path) == ("GET", "/account/name")
    assert request.headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    "answer",
    [
        AWAY,
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
def test_an_answer_that_tells_no_name_is_none(auth, names, answer):
    auth.answers = [answer]

    assert names.fetch("ada", "the-token") is None


def test_an_auth_service_that_is_down_is_none(auth, names):
    auth.close()

    assert names.fetch("ada", "the-token") is None


def test_after_a_failure_the_account_is_left_alone_for_a_moment(auth, names, clock):
    auth.answers = [AWAY, ADA]

    assert [names.fetch("ada", "the-token") for _ in range(3)] == [None] * 3
    assert len(auth.received) == 1
    clock.advance(PAUSE_SECONDS)
    assert names.fetch("ada", "the-token") == "Ada Lovelace"
    assert names.fetch("ada", "the-token") == "Ada Lovelace"


def test_one_account_does_not_hold_up_another(auth, names):
    auth.answers = [Answer(401), ADA]

    assert names.fetch("bob", "his-token") is None
    assert names.fetch("ada", "her-token") == "Ada Lovelace"


def test_what_is_remembered_of_failures_is_bounded(auth, names):
    auth.close()

    for number in range(MOST_PAUSED + 10):
        names.fetch(f"account {number}", "a-token")

    assert len(names._paused) == MOST_PAUSED
