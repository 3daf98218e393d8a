"""Audiences and roles that are changed by command while two processes of auth-service run."""

import pytest
import requests
from testkit.cluster import DEMO_PASSWORD
from testkit.concurrency import wait_for
from testkit.forked_cluster import ForkedCluster
from testkit.token_signer import claims_of

LOG_INS = 8  # enough that both processes answer some


@pytest.fixture(scope="module")
def two_processes(mail_folders):
    """auth-service with two processes, users-service and the gateway."""
    services = ["auth-service", "users-service", "gateway"]
    with ForkedCluster({"RATE_LIMITS": "off"}, services=services, workers=2) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def post(two_processes):
    """`post(path, **more)`: a request to auth-service over a new connection, which any process takes."""
    address = two_processes.urls["auth-service"]
    return lambda path, **more: requests.post(f"{address}{path}", timeout=30, **more)


def test_registry_change_reaches_every_process(two_processes, client_at, post):
    def run(*command):
        return two_processes.cli("auth-service", *command).stdout

    def log_in():
        return post("/login", json={"email": "alice@example.com", "password": DEMO_PASSWORD}).json()

    def refreshed(tokens):
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return post("/oauth/token", data=form)

    before = [log_in() for _ in range(LOG_INS)]
    scopes = before[0]["scope"].split()
    run("audiences", "add", "my-app", "--scope", "things:read")
    run("roles", "set-scopes", "customer", *scopes, "things:read")

    sessions = [*(log_in() for _ in range(LOG_INS)), *(refreshed(tokens).json() for tokens in before)]

    assert {each["scope"] for each in sessions} == {" ".join(sorted([*scopes, "things:read"]))}
    assert all("my-app" in claims_of(each["access_token"])["aud"] for each in sessions)
    users = [client_at(two_processes.urls[name]) for name in ("users-service", "gateway")]
    statuses = lambda: {  # noqa: E731 - asked again and again
        user("GET", "/users/me", token=each["access_token"]).status_code
        for user in users
        for each in sessions
    }
    assert statuses() == {200}

    ended = run("audiences", "remove", "my-app", "--force")

    assert ended == f"removed my-app; sessions ended: {len(sessions)}\n"
    wait_for(lambda: statuses() == {401}, what="the last refusal")
    assert {refreshed(each).status_code for each in sessions} == {400}
    assert {log_in()["scope"] for _ in range(LOG_INS)} == {" ".join(sorted(scopes))}
