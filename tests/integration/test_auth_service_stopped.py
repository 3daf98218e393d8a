"""With auth-service stopped valid tokens go on for their life, and what needs the mint says when to come back."""

import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.token_signer import TokenSigner
from testkit.user import User

LEEWAY = 30
PROMISED = 5.0  # seconds from the mint's return to the end of all 503


@dataclass
class Outage:
    """What was made before the mint went away."""

    used: Any  # has ordered already, so that orders-service holds an exchanged token
    unused: Any  # has not
    used_token: str
    unused_token: str
    admin_token: str
    exit_code: int | None = None
    dying_token: str = ""  # ends while the mint is away


def about_to_end(cluster, token):
    """The same token, truly signed, with 2 seconds of its life left."""
    claims, kid = (
        jwt.decode(token, options={"verify_signature": False}),
        jwt.get_unverified_header(token)["kid"],
    )
    (path,) = (cluster.keys_dir / "signing").glob(f"*-{kid}.pem")
    key = load_pem_private_key(path.read_bytes(), None)
    end = int(time.time()) - LEEWAY + 3
    return TokenSigner(issuer=claims["iss"], key=key, kid=kid).sign({**claims, "iat": end - 300, "exp": end})


@pytest.fixture(scope="module")
def outage(breakable, client_at, new_user, place_order):
    """The mint is stopped for all tests of this module but the last."""
    gateway = client_at(breakable.gateway)
    used, unused = new_user(gateway), new_user(gateway)
    token = used.log_in()["access_token"]
    assert place_order(token, at=gateway).status_code == 201
    admin = User(gateway, "admin@example.com", DEMO_PASSWORD).log_in()["access_token"]
    made = Outage(used, unused, token, unused.log_in()["access_token"], admin)
    made.exit_code = breakable.stop_service("auth-service")
    made.dying_token = about_to_end(breakable, token)
    try:
        yield made
    finally:
        if not breakable.running("auth-service"):
            breakable.start_service("auth-service")


@pytest.fixture(params=["direct", "gateway"])
def ask(request, breakable, client_at):
    """`ask(service, method, path, …)`: at the service itself or through the gateway."""
    return lambda service, method, path, **options: client_at(
        breakable.urls[service if request.param == "direct" else "gateway"]
    )(method, path, **options)


def comes_back(answer):
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


def test_stop_is_clean_with_waiting_verifiers(outage):
    assert outage.exit_code == 0


def test_valid_token_works_at_every_service(outage, ask):
    for token in (outage.used_token, outage.unused_token):
        assert ask("users-service", "GET", "/users/me", token=token).status_code == 200
        assert ask("orders-service", "GET", "/orders", token=token).status_code == 200
    assert ask("orders-service", "GET", "/products").status_code == 200


def test_order_with_cached_exchange_works(outage, ask, sku):
    answer = ask(
        "orders-service",
        "POST",
        "/orders",
        token=outage.used_token,
        json={"items": [{"sku": sku, "quantity": 1}]},
    )

    assert answer.status_code == 201


def test_order_needing_exchange_is_503(outage, ask, sku):
    body = {"items": [{"sku": sku, "quantity": 1}]}

    answer = ask("orders-service", "POST", "/orders", token=outage.unused_token, json=body)

    assert comes_back(answer), (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ask("orders-service", "GET", "/orders", token=outage.unused_token).json()["items"] == []


def test_log_in_and_refresh_are_503(outage, breakable, client_at):
    gateway = client_at(breakable.gateway)

    log_in = gateway("POST", "/login", json={"email": outage.used.email, "password": outage.used.password})
    refresh = gateway("POST", "/oauth/token", data={"grant_type": "refresh_token", "refresh_token": "x"})

    assert comes_back(log_in), (log_in.status_code, log_in.text)
    assert comes_back(refresh), (refresh.status_code, refresh.text)


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

    assert comes_back(answer), (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_forged_token_is_401(outage, ask, breakable):
    forged = TokenSigner(issuer=breakable.issuer).sign()

    assert ask("users-service", "GET", "/users/me", token=forged).status_code == 401
    assert ask("orders-service", "GET", "/orders", token=forged).status_code == 401


def test_expired_token_is_401(outage, ask):
    wait_for(lambda: ask("users-service", "GET", "/users/me", token=outage.dying_token).status_code == 401)

    assert ask("orders-service", "GET", "/orders", token=outage.dying_token).status_code == 401


def test_everything_recovers_after_start(outage, breakable, client_at, place_order):
    gateway = client_at(breakable.gateway)
    breakable.start_service("auth-service")

    def log_in():
        answer = gateway(
            "POST", "/login", json={"email": outage.unused.email, "password": outage.unused.password}
        )
        return answer.status_code == 200

    wait_for(
        lambda: log_in() and place_order(outage.unused_token, at=gateway).status_code == 201,
        PROMISED,
        "recovery",
    )

    def name():
        return gateway("GET", "/users/me", token=outage.unused_token).json()["name"]

    # The profile was made during the outage, without a name.
    wait_for(lambda: name() == "New", PROMISED, "the account's name")
