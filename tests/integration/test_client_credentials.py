"""A client's own tokens: disabling the client, or revoking one, ends them in every service for good."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of

USERS = "/users?limit=1"


@pytest.fixture(scope="module")
def shop(cluster, gateway):
    """A new confidential client: `.token()` is a token of its own, `.run(word)` an operator's command on it."""
    name = f"shop-{uuid4().hex[:8]}"
    options = ("--grant", "client_credentials", "--audience", "users-service", "--own-scope", "users:read")
    made = cluster.cli("auth-service", "clients", "register", name, "--confidential", "--secret", *options)
    credentials = (name, made.stdout.split()[-1])

    def token():
        answer = gateway("POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    return SimpleNamespace(
        token=token,
        credentials=credentials,
        run=lambda word: cluster.cli("auth-service", "clients", word, name),
    )


@pytest.fixture
def statuses(cluster, client_at):
    """`statuses(token)`: those of a request to users-service, directly and through the gateway."""
    clients = [client_at(cluster.urls[place]) for place in ("users-service", "gateway")]
    return lambda token: {each("GET", USERS, token=token).status_code for each in clients}


@pytest.fixture
def active(confidential_client):
    """`active(token)`: what introspection says."""
    introspector = confidential_client("introspector")
    return lambda token: introspector.post("/oauth/introspect", token=token).json()["active"]


def test_disabled_client_loses_its_tokens(shop, statuses, active, gateway):
    old = shop.token()
    assert statuses(old) == {200}
    assert active(old)

    shop.run("disable")

    wait_for(lambda: statuses(old) == {401}, what="the last refusal")
    refused = gateway("GET", USERS, token=old)
    assert refused.json()["type"] == "urn:touchstone:problem:revoked_token"
    assert not active(old)
    form = {"grant_type": "client_credentials"}
    assert gateway("POST", "/oauth/token", data=form, auth=shop.credentials).status_code == 401

    shop.run("enable")

    new = shop.token()
    assert claims_of(new)["status"] != claims_of(old)["status"]
    wait_for(lambda: statuses(new) == {200}, what="the new token's acceptance")
    assert statuses(old) == {401}
    assert (active(old), active(new)) == (False, True)


def test_client_revokes_its_tokens(shop, statuses, active, gateway):
    old = shop.token()

    answer = gateway("POST", "/oauth/revoke", data={"token": old}, auth=shop.credentials)

    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers
    assert not active(old)
    wait_for(lambda: statuses(old) == {401}, what="the last refusal")
    new = shop.token()
    assert active(new)
    assert statuses(new) == {200}
