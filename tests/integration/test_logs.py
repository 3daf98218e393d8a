"""The logs: one request ID in all services, no secret, and no unexpected error."""

import json
import secrets

import pytest
from testkit.cluster import SERVICES
from testkit.concurrency import wait_for

DATA = ["auth-service", "users-service", "orders-service"]


@pytest.fixture
def secrets_sent(gateway, new_user, place_order):
    """The secrets that a user and the services have exchanged."""
    user = new_user()
    session = user.log_in()
    wrong = f"wrong-{secrets.token_hex(8)}"
    assert gateway("POST", "/login", json={"email": user.email, "password": wrong}).status_code == 401
    assert place_order(session["access_token"]).status_code == 201
    renewed = user.refresh(session["refresh_token"]).json()
    leaked = gateway("GET", f"/orders?cursor={session['access_token'][:400]}", token=session["access_token"])
    assert leaked.status_code in (400, 422)
    sent = [session["refresh_token"], renewed["refresh_token"], user.password, wrong]
    signatures = [answer["access_token"].rpartition(".")[2] for answer in (session, renewed)]
    return sent + signatures


@pytest.mark.parametrize("service", list(SERVICES))
def test_log_holds_no_secret(cluster, secrets_sent, service):
    log = cluster.log(service)

    assert [secret for secret in secrets_sent if secret in log] == []


def test_request_id_is_in_every_log(cluster, gateway, new_user, place_order):
    answer = place_order(new_user().log_in()["access_token"])

    request_id = answer.headers["X-Request-ID"]
    for service in (
        "gateway",
        "orders-service",
        "auth-service",
        "users-service",
    ):  # those that an order reaches
        wait_for(
            lambda service=service: request_id in cluster.log(service), what=f"the request in {service}'s log"
        )


@pytest.mark.parametrize("service", DATA)
def test_log_line_is_json_with_status(cluster, client_at, service):
    request_id = f"tests-{secrets.token_hex(8)}"
    client_at(cluster.urls[service])("GET", "/no/such/place", headers={"X-Request-ID": request_id})

    wait_for(lambda: request_id in cluster.log(service), what="the line")

    line = next(line for line in cluster.log(service).splitlines() if request_id in line)
    assert json.loads(line)["status"] == 404


@pytest.mark.parametrize("service", list(SERVICES))
def test_log_holds_no_unexpected_error(cluster, service):
    log = cluster.log(service)

    assert "Traceback" not in log
    assert "unexpected error" not in log
