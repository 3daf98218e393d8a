"""Client authentication, introspection and grants: assertions used twice, wrong ones, and other clients' tokens."""

import pytest
from testkit.concurrency import at_once
from testkit.oauth_clients import JWT_BEARER


def test_client_assertion_is_single_use(confidential_client):
    """CVE-2020-5300 (Hydra), mosip/esignet#2418: `jti` was not remembered."""
    client = confidential_client("orders-service")
    assertion = client.assertion()

    first, second = (client.client_credentials(client_assertion=assertion) for _ in range(2))

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (401, "invalid_client")


def test_client_assertion_raced_is_single_use(confidential_client):
    """CVE-2020-5300 (Hydra): the same, for requests that race."""
    client = confidential_client("orders-service")
    assertion = client.assertion()

    answers = at_once(8, lambda: client.client_credentials(client_assertion=assertion).status_code)

    assert sorted(answers) == [200] + [401] * 7


def test_used_assertion_is_refused_by_introspection(confidential_client, alice):
    """CVE-2020-5300 (Hydra): the same, from the token endpoint to introspection."""
    client = confidential_client("orders-service")
    assertion = client.assertion()
    client.client_credentials(client_assertion=assertion)

    answer = client.post("/oauth/introspect", client_assertion=assertion, token=alice.token)

    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "more", [{"client_secret": "guess"}, {"client_id": "cli"}, {"client_id": "introspector"}]
)
def test_assertion_with_other_credentials_is_refused(confidential_client, more):
    """CVE-2026-16093 (Keycloak): an unsigned assertion satisfied the policy, and a secret the check."""
    client = confidential_client("orders-service")
    unsigned = client.assertion(algorithm="none", key="")

    for assertion in (client.assertion(), unsigned):
        answer = client.client_credentials(client_assertion=assertion, **more)
        assert answer.json()["error"] in {"invalid_client", "invalid_request"}


WRONG = [None, "", "https://elsewhere.example", ["a", "b"], {"a": 1}, -1]
CASES = [
    (name, value)
    for name in ("aud", "iss", "sub", "exp", "jti")
    for value in WRONG
    if (name, value) != ("jti", WRONG[2])  # a jti may be any text
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_assertion_with_wrong_claim_is_refused(confidential_client, sign_anything, name, value):
    """keycloak#51000 (RFC 7523 section 3): assertions made for other servers were accepted."""
    client = confidential_client("orders-service")

    answer = client.client_credentials(client_assertion=sign_anything(client, **{name: value}))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_introspection_hides_foreign_audience(confidential_client, alice):
    """CVE-2026-37979, CVE-2026-18208 (Keycloak): any client could introspect any token."""
    token = alice.log_in(audience="users-service")["access_token"]

    answer = confidential_client("orders-service").post("/oauth/introspect", token=token)

    assert (answer.status_code, answer.json()) == (200, {"active": False})
    assert confidential_client("introspector").post("/oauth/introspect", token=token).json()["active"]


@pytest.mark.parametrize("media_type", ["application/token-introspection+jwt", "application/jwt"])
def test_introspection_ignores_accept_header(confidential_client, alice, media_type):
    """CVE-2026-18208 (Keycloak): the signed form of an inactive answer held all the claims."""
    token = alice.log_in(audience="users-service")["access_token"]
    client = confidential_client("orders-service")

    answer = client.server(
        "POST",
        "/oauth/introspect",
        data={"client_assertion_type": JWT_BEARER, "client_assertion": client.assertion(), "token": token},
        headers={"Accept": media_type},
    )

    assert answer.json() == {"active": False}


def test_public_client_cannot_introspect(gateway, alice):
    """CVE-2026-37979 (Keycloak): public clients could introspect."""
    answer = gateway("POST", "/oauth/introspect", data={"client_id": "cli", "token": alice.token})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "magic"]
)
def test_unsupported_grant_is_refused(gateway, alice, grant):
    """CVE-2026-9792, CVE-2026-79652 (Keycloak): grants that were switched off could be used."""
    form = {"grant_type": grant, "client_id": "cli", "username": alice.email, "password": alice.password}

    answer = gateway("POST", "/oauth/token", data=form)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("words", [1_000, 5_000])
def test_huge_scope_is_refused(app, gateway, alice, words):
    """CVE-2026-4634 (Keycloak): scope processing kept the server busy."""
    scope = " ".join(f"orders:read{i}" for i in range(words))
    form = {"grant_type": "refresh_token", "client_id": "cli", "refresh_token": "x", "scope": scope}

    answers = [
        app.browser.get(app.authorization_url(scope=scope)),
        gateway("POST", "/oauth/token", data=form),
        gateway("POST", "/login", json={**alice.credentials, "scope": scope}),
    ]

    assert {each.status_code for each in answers} <= {303, 400, 413, 414, 422, 431}
    assert "error=" in answers[0].headers.get("Location", "error=")
