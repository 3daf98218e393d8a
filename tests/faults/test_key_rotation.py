"""Five key rotations under load: no request fails."""

from collections import Counter

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import repeated, wait_for
from testkit.token_signer import kid_of
from testkit.user import User

ROTATIONS = 5
WORKERS = 2


@pytest.fixture
def traffic(services, customer):
    """Continuous requests with new tokens and with the first one: counts of (kid, status)."""
    seen = Counter()
    first = customer.log_in()["access_token"]

    def send():
        answer = customer.client("POST", "/login", json=customer.credentials)
        token = answer.json().get("access_token", first)
        seen[kid_of(token), answer.status_code] += 1
        for each in (token, first):
            for status in services.statuses(each):
                seen[kid_of(each), status] += 1

    with repeated(send, WORKERS):
        yield seen


def test_five_rotations_fail_no_request(services, traffic):
    admin = User(services.client(), "admin@example.com", DEMO_PASSWORD)

    for number in range(1, ROTATIONS + 1):
        wait_for(lambda so_far=number: len({kid for kid, _ in list(traffic)}) == so_far, what="the key")
        assert services.client()("POST", "/admin/keys/rotate", token=admin.token).status_code == 201
    wait_for(lambda: len({kid for kid, _ in list(traffic)}) > ROTATIONS, what="the last key")

    assert {status for _, status in list(traffic)} == {200}
    assert len({kid for kid, _ in list(traffic)}) == ROTATIONS + 1
