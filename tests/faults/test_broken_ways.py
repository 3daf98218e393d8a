"""Whatever happens to the way between the services and the mint: who holds a valid token does not notice."""

import pytest

MODES = ["refuse", "blackhole", "delay", "trickle", "reset", "truncate", "garbage"]
SLOW = {"delay", "trickle"}  # something comes through, sooner or later
ASKED = 25


@pytest.mark.parametrize("mode", MODES)
def test_valid_tokens_are_answered_and_afterwards_what_was_missed_is_heard_of(house, customer, mode, until):
    going_on, ended = (customer.log_in()["access_token"] for _ in range(2))
    assert house.statuses(going_on) | house.statuses(ended) == {200}
    house.break_off(mode)

    during = [house.statuses(going_on) for _ in range(ASKED)]
    assert house.gateway("POST", "/logout", token=ended).status_code == 204
    missed = house.statuses(ended)
    house.mend()

    assert during == [{200}] * ASKED
    assert mode in SLOW or missed == {200}
    until(lambda: house.statuses(ended) == {401}, hope="the refusal of a session that ended meanwhile")
    assert house.statuses(going_on) == {200}


def test_no_revocation_is_missed_though_the_list_is_lost_and_found_all_the_time(house, customer, until):
    tokens = [customer.log_in()["access_token"] for _ in range(4 * len(MODES))]
    going_on = customer.log_in()["access_token"]
    assert house.statuses(going_on) == {200}

    for number, token in enumerate(tokens):
        house.break_off(MODES[number % len(MODES)] if number % 2 else "pass")
        assert house.gateway("POST", "/logout", token=token).status_code == 204
    house.mend()

    until(lambda: all(house.statuses(token) == {401} for token in tokens), hope="the last refusal")
    assert house.statuses(going_on) == {200}


def test_a_service_that_hears_nothing_says_so_in_its_readiness_and_metrics(house, customer, until):
    token = customer.log_in()["access_token"]
    assert house.statuses(token) == {200}
    users = house.door(house.cluster.urls["users-service"])
    house.break_off("refuse")

    def documents():
        answer = users("GET", "/readyz")
        assert answer.status_code == 200
        return answer.json()["documents"]

    until(lambda: all(each["last_error"] for each in documents().values()), hope="an error of each document")
    assert set(documents()) == {"jwks", "status-lists/1"}
    assert all(each["age"] >= 0 for each in documents().values())
    told = users("GET", "/metrics").text
    for name in documents():
        assert f'touchstone_document_age_seconds{{document="{name}"}}' in told
        assert f'touchstone_document_version{{document="{name}"}}' in told
