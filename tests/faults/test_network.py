"""Broken connections between the services and auth-service: valid tokens are accepted all the time."""

import pytest
from testkit.concurrency import wait_for

MODES = ["refuse", "blackhole", "delay", "trickle", "reset", "truncate", "garbage"]
SLOW = {"delay", "trickle"}  # answers arrive eventually
REQUESTS = 25


@pytest.mark.parametrize("mode", MODES)
def test_broken_network_keeps_tokens_valid(services, customer, mode):
    valid, ended = (customer.log_in()["access_token"] for _ in range(2))
    assert services.statuses(valid) | services.statuses(ended) == {200}
    services.disturb(mode)

    during = [services.statuses(valid) for _ in range(REQUESTS)]
    assert services.client()("POST", "/logout", token=ended).status_code == 204
    missed = services.statuses(ended)
    services.recover()

    assert during == [{200}] * REQUESTS
    assert mode in SLOW or missed == {200}
    wait_for(lambda: services.statuses(ended) == {401}, what="the refusal of the ended session")
    assert services.statuses(valid) == {200}


def test_flapping_network_misses_no_revocation(services, customer):
    tokens = [customer.log_in()["access_token"] for _ in range(4 * len(MODES))]
    valid = customer.log_in()["access_token"]
    assert services.statuses(valid) == {200}

    for number, token in enumerate(tokens):
        services.disturb(MODES[number % len(MODES)] if number % 2 else "pass")
        assert services.client()("POST", "/logout", token=token).status_code == 204
    services.recover()

    wait_for(lambda: all(services.statuses(token) == {401} for token in tokens), what="the last refusal")
    assert services.statuses(valid) == {200}


def test_failed_fetch_is_reported(services, customer):
    token = customer.log_in()["access_token"]
    assert services.statuses(token) == {200}
    users = services.client("users-service")
    services.disturb("refuse")

    def documents():
        answer = users("GET", "/readyz")
        assert answer.status_code == 200
        return answer.json()["documents"]

    wait_for(
        lambda: all(each["last_error"] for each in documents().values()), what="an error of each document"
    )
    assert set(documents()) == {"jwks", "status-lists/1"}
    assert all(each["age"] >= 0 for each in documents().values())
    text = users("GET", "/metrics").text
    for name in documents():
        assert f'touchstone_document_age_seconds{{document="{name}"}}' in text
        assert f'touchstone_document_version{{document="{name}"}}' in text
