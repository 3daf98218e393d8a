"""kill -9 of the mint while sessions end: every end that was acknowledged holds."""

import threading
from collections import deque

import pytest
import requests
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of
from touchstone import status

SESSIONS = 60
ACKNOWLEDGED = 20
WORKERS = 4


@pytest.fixture
def acknowledged(services, customer):
    """Tokens of sessions whose end was acknowledged before the mint was killed in the middle of it; and one untouched."""
    untouched, *tokens = (customer.log_in()["access_token"] for _ in range(SESSIONS))
    waiting, ended = deque(tokens), []

    def log_out():
        try:
            while waiting:
                token = waiting.popleft()
                if services.client()("POST", "/logout", token=token).status_code == 204:
                    ended.append(token)
        except (IndexError, requests.RequestException):
            return

    threads = [threading.Thread(target=log_out) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(ended) >= ACKNOWLEDGED, what="enough ends")
    services.kill_service("auth-service")
    waiting.clear()
    for thread in threads:
        thread.join()
    services.start_service("auth-service")
    return ended, untouched


def test_acknowledged_logouts_survive_kill(services, acknowledged):
    ended, untouched = acknowledged

    wait_for(lambda: all(services.statuses(token) == {401} for token in ended), what="the last refusal")

    entries = [claims_of(token)["status"]["status_list"] for token in ended]
    path = entries[0]["uri"].removeprefix(services.issuer)
    published = claims_of(services.client()("GET", path).text)["status_list"]
    bits = status.StatusList.decode(published["bits"], published["lst"])
    assert {bits.get(entry["idx"]) for entry in entries} == {1}
    assert services.statuses(untouched) == {200}
    assert services.client()("GET", "/account/sessions", token=ended[0]).status_code == 401
