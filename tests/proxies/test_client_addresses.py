"""The client's address, from the gateway to the throttle and the audit log. The tests are the trusted proxy."""

import pytest
from testkit.cluster import DEMO_PASSWORD

from .conftest import PROXY, Server

ATTEMPTS = 80  # more than the fifty failures that an address has without a delay


def slowed_down(gateway, address):
    """Guess passwords from this address until auth-service slows it down, each for another account."""
    statuses = [
        gateway.log_in("wrong", f"{address}-{number}@example.com", X_Forwarded_For=address).status
        for number in range(ATTEMPTS)
    ]
    assert set(statuses[:51]) == {401}
    return 429 in statuses


def test_throttle_slows_one_client_behind_a_proxy(gateway):
    """More than fifty wrong passwords from one client do not slow the log-in of another one behind the same proxy."""
    assert slowed_down(gateway, "203.0.113.7")
    assert gateway.log_in(X_Forwarded_For="203.0.113.8").status == 200


def test_forged_prefix_does_not_evade_throttle(gateway):
    statuses = [
        gateway.log_in(
            "wrong", f"x{number}@example.com", X_Forwarded_For=f"192.168.0.{number}, 203.0.113.9"
        ).status
        for number in range(ATTEMPTS)
    ]
    assert 429 in statuses[51:]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "6.6.6.6, 203.0.113.10:4711, 192.0.2.3"},
        {"Forwarded": 'for=6.6.6.6, for="203.0.113.10:4711";proto=https, for=192.0.2.3'},
        {"Forwarded": "for=203.0.113.10", "X_Forwarded_For": "6.6.6.6, 203.0.113.10"},
        {"X_Forwarded_For": "203.0.113.10", "Connection": "x-forwarded-for"},
    ],
)
def test_address_of_trusted_proxy_is_audited(gateway, last_address, headers):
    assert gateway.log_in(**headers).status == 200
    assert last_address() == "203.0.113.10"


@pytest.mark.parametrize("service", ["gateway", "auth-service"])
def test_untrusted_peer_cannot_forge_address(cluster, last_address, service):
    """At auth-service the trusted proxy is the gateway: a client that reaches it directly is not believed."""
    forged = {"X_Forwarded_For": "203.0.113.11", "Forwarded": "for=203.0.113.12", "X_Real_IP": "203.0.113.13"}
    answer = Server(cluster.ports[service]).log_in(source="127.0.0.2", **forged)

    assert answer.status == 200
    assert last_address() == "127.0.0.2"


def test_client_without_proxy_is_the_peer(gateway, last_address):
    assert gateway.log_in(DEMO_PASSWORD, "bob@example.com").status == 200
    assert last_address() == PROXY


def test_two_different_clients_are_400(gateway):
    answer = gateway.log_in(X_Forwarded_For="203.0.113.14", Forwarded="for=203.0.113.15")

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "remove the other" in answer.json()["detail"]
