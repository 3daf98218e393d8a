"""A client's own tokens end with the client: disabling it ends them in every service, enabling it brings none back."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of

USERS = "/users?limit=1"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def shop(cluster, gateway):
    """A confidential client of our own: `.token()` gets it a token, `.does(word)` runs an operator's command on it."""
    name = f"shop-{uuid4().hex[:8]}"
    lists = ("--grant", "client_credentials", "--audience", "users-service", "--own-scope", "users:read")
    made = cluster.cli("auth-service", "clients", "register", name, "--confidential", "--secret", *lists)
    who = (name, made.stdout.split()[-1])

    def token():
        answer = gateway("POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=who)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    return SimpleNamespace(
        token=token, who=who, does=lambda word: cluster.cli("auth-service", "clients", word, name)
    )


@pytest.fixture
def asked(cluster, client_at):
    """`asked(token)`: the statuses of a request with it at its service, and through the gateway."""
    doors = [client_at(cluster.urls[place]) for place in ("users-service", "gateway")]
    return lambda token: {each("GET", USERS, token=token).status_code for each in doors}


@pytest.fixture
def active(client):
    introspector = client("introspector")

    def ask(token):
        proof = {"client_assertion_type": ASSERTION, "client_assertion": introspector.assertion()}
        return introspector.mint("POST", "/oauth/introspect", data={**proof, "token": token}).json()["active"]

    return ask


def test_disabled_client_loses_its_tokens(shop, asked, active, gateway):
    old = shop.token()
    assert asked(old) == {200}
    assert active(old)

    shop.does("disable")

    wait_for(lambda: asked(old) == {401}, what="the last refusal")
    refused = gateway("GET", USERS, token=old)
    assert refused.json()["type"] == "urn:touchstone:problem:revoked_token"
    assert not active(old)
    form = {"grant_type": "client_credentials"}
    assert gateway("POST", "/oauth/token", data=form, auth=shop.who).status_code == 401

    shop.does("enable")

    new = shop.token()
    assert claims_of(new)["status"] != claims_of(old)["status"]
    wait_for(lambda: asked(new) == {200}, what="the new token's welcome")
    assert asked(old) == {401}
    assert (active(old), active(new)) == (False, True)


def test_client_revokes_its_tokens(shop, asked, active, gateway):
    old = shop.token()

    answer = gateway("POST", "/oauth/revoke", data={"token": old}, auth=shop.who)

    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers
    assert not active(old)
    wait_for(lambda: asked(old) == {401}, what="the last refusal")
    new = shop.token()
    assert active(new)
    assert asked(new) == {200}
