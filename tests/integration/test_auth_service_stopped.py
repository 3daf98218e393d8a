"""While auth-service is stopped, valid tokens work until they expire; all else is a 503 with Retry-After."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.token_signer import TokenSigner, claims_of, kid_of
from testkit.user import User

LEEWAY = 30
RECOVERY_SECONDS = 5.0  # from auth-service's start to the last 503


@dataclass
class Outage:
    """Users and tokens from before auth-service was stopped."""

    used: Any  # has placed an order, so that orders-service has cached an exchanged token
    unused: Any  # has not ordered
    used_token: str
    unused_token: str
    admin_token: str
    exit_code: int | None = None
    expiring_token: str = ""  # expires during the outage


def expiring(cluster, token):
    """Return the token, signed by the issuer's key, with 2 seconds left."""
    claims, end = claims_of(token), int(time.time()) - LEEWAY + 3
    signer = TokenSigner.from_keys_dir(cluster.keys_dir, claims["iss"], claims["aud"], kid_of(token))
    return signer.sign({**claims, "iat": end - 300, "exp": end})


@pytest.fixture(scope="module")
def outage(breakable, client_at, new_user, place_order):
    """auth-service is stopped for all tests of this module but the last."""
    gateway = client_at(breakable.gateway)
    used, unused = new_user(gateway), new_user(gateway)
    token = used.log_in()["access_token"]
    assert place_order(token, at=gateway).status_code == 201
    admin = User(gateway, "admin@example.com", DEMO_PASSWORD).log_in()["access_token"]
    made = Outage(used, unused, token, unused.log_in()["access_token"], admin)
    made.exit_code = breakable.stop_service("auth-service")
    made.expiring_token = expiring(breakable, token)
    try:
        yield made
    finally:
        if not breakable.running("auth-service"):
            breakable.start_service("auth-service")


@pytest.fixture(params=["direct", "gateway"])
def send(request, breakable, client_at):
    """`send(service, method, path, …)`: send a request to the service itself or through the gateway."""
    return lambda service, method, path, **options: client_at(
        breakable.urls[service if request.param == "direct" else "gateway"]
    )(method, path, **options)


def retry_later(answer):
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


def test_stop_is_clean_with_waiting_verifiers(outage):
    assert outage.exit_code == 0


def test_valid_token_works_at_every_service(outage, send):
    for token in (outage.used_token, outage.unused_token):
        assert send("users-service", "GET", "/users/me", token=token).status_code == 200
        assert send("orders-service", "GET", "/orders", token=token).status_code == 200
    assert send("orders-service", "GET", "/products").status_code == 200


def test_order_with_cached_exchange_works(outage, send, sku):
    answer = send(
        "orders-service",
        "POST",
        "/orders",
        token=outage.used_token,
        json={"items": [{"sku": sku, "quantity": 1}]},
    )

    assert answer.status_code == 201


def test_order_needing_exchange_is_503(outage, send, sku):
    body = {"items": [{"sku": sku, "quantity": 1}]}

    answer = send("orders-service", "POST", "/orders", token=outage.unused_token, json=body)

    assert retry_later(answer), (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert send("orders-service", "GET", "/orders", token=outage.unused_token).json()["items"] == []


def test_log_in_and_refresh_are_503(outage, breakable, client_at):
    gateway = client_at(breakable.gateway)

    log_in = gateway("POST", "/login", json=outage.used.credentials)
    refresh = outage.used.refresh("x")

    assert retry_later(log_in), (log_in.status_code, log_in.text)
    assert retry_later(refresh), (refresh.status_code, refresh.text)


SENSITIVE = {
    ("GET", "/account/sessions"),
    ("POST", "/account/password"),
    ("POST", "/logout"),
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys/rotate"),
    ("GET", "/admin/sessions"),
    ("GET", "/admin/audit"),
}


@pytest.mark.parametrize(("method", "path"), sorted(SENSITIVE))
def test_sensitive_route_is_503(outage, breakable, client_at, method, path):
    answer = client_at(breakable.gateway)(method, path, token=outage.admin_token)

    assert retry_later(answer), (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_forged_token_is_401(outage, send, breakable):
    forged = TokenSigner(issuer=breakable.issuer).sign()

    assert send("users-service", "GET", "/users/me", token=forged).status_code == 401
    assert send("orders-service", "GET", "/orders", token=forged).status_code == 401


def test_expired_token_is_401(outage, send):
    wait_for(
        lambda: send("users-service", "GET", "/users/me", token=outage.expiring_token).status_code == 401
    )

    assert send("orders-service", "GET", "/orders", token=outage.expiring_token).status_code == 401


def test_everything_recovers_after_start(outage, breakable, client_at, place_order):
    gateway = client_at(breakable.gateway)
    breakable.start_service("auth-service")

    def log_in():
        return gateway("POST", "/login", json=outage.unused.credentials).status_code == 200

    wait_for(
        lambda: log_in() and place_order(outage.unused_token, at=gateway).status_code == 201,
        RECOVERY_SECONDS,
        "recovery",
    )

    def name():
        return gateway("GET", "/users/me", token=outage.unused_token).json()["name"]

    # The profile was made during the outage, without a name.
    wait_for(lambda: name() == "New", RECOVERY_SECONDS, "the account's name")
