"""kill -9 of auth-service during log-outs: acknowledged ones are effective."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

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
    """Tokens whose log-out was acknowledged before auth-service was killed, and one of another session."""
    other, *tokens = (customer.log_in()["access_token"] for _ in range(SESSIONS))
    waiting, ended = deque(tokens), []

    def log_out():
        try:
            while waiting:
                token = waiting.popleft()
                if services.client()("POST", "/logout", token=token).status_code == 204:
                    ended.append(token)
        except (IndexError, requests.RequestException):
            return

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in range(WORKERS):
            pool.submit(log_out)
        wait_for(lambda: len(ended) >= ACKNOWLEDGED, what="enough log-outs")
        services.kill_service("auth-service")
        waiting.clear()
    services.start_service("auth-service")
    return ended, other


def test_acknowledged_logouts_survive_kill(services, acknowledged):
    ended, other = acknowledged

    wait_for(lambda: all(services.statuses(token) == {401} for token in ended), what="the last refusal")

    entries = [claims_of(token)["status"]["status_list"] for token in ended]
    path = entries[0]["uri"].removeprefix(services.issuer)
    published = claims_of(services.client()("GET", path).text)["status_list"]
    bits = status.StatusList.decode(published["bits"], published["lst"])
    assert {bits.get(entry["idx"]) for entry in entries} == {1}
    assert services.statuses(other) == {200}
    assert services.client()("GET", "/account/sessions", token=ended[0]).status_code == 401
