"""Sessions and accounts: refresh races, incomplete log-outs and revocations, and account enumeration."""

import sqlite3

from testkit.concurrency import at_once
from testkit.oauth_clients import CALLBACK


def test_refresh_token_raced_has_one_successor(app):
    """CVE-2026-1035 (Keycloak): reuse was checked first and recorded later."""
    token = app.log_in()["refresh_token"]

    answers = at_once(12, lambda: app.refresh(token))

    assert len({each.json()["refresh_token"] for each in answers if each.status_code == 200}) == 1


def test_disabled_client_loses_its_tokens(cluster, app):
    """CVE-2026-93999 (Keycloak): a disabled client could still refresh."""
    options = ("--redirect-uri", CALLBACK, "--audience", "orders-service", "--scope", "orders:read")
    grants = ("--grant", "authorization_code", "--grant", "refresh_token")
    cluster.cli(
        "auth-service", "clients", "register", "disabled", "--public", "--name", "D", *grants, *options
    )
    own = {"client_id": "disabled"}
    tokens = app.redeem(app.code(scope="orders:read", **own), **own).json()
    held = app.code(scope="orders:read", **own)

    cluster.cli("auth-service", "clients", "disable", "disabled")

    assert app.refresh(tokens["refresh_token"], **own).json()["error"] in {"invalid_client", "invalid_grant"}
    assert app.redeem(held, **own).json()["error"] in {"invalid_client", "invalid_grant"}
    assert app.browser.get(app.authorization_url(scope="orders:read", **own)).status_code == 400
    cluster.cli("auth-service", "clients", "enable", "disabled")
    assert app.refresh(tokens["refresh_token"], **own).json()["error"] == "invalid_grant"


def test_logout_all_ends_browser_session(own, gateway):
    """GHSA-895x-rfqp-jh5c (Keycloak): after log-out everywhere the browser still got new codes."""
    user, app = own
    app.log_in()

    gateway("POST", "/logout/all", token=user.log_in()["access_token"])

    answer = app.browser.get(app.authorization_url(prompt="none"))
    assert "error=login_required" in answer.headers["Location"]


def test_revocation_by_other_client_ends_nothing(app, gateway):
    """RFC 7009 section 2.1; ory/hydra#311: revocation answered 200 in any case."""
    tokens = app.log_in()

    answer = gateway("POST", "/oauth/revoke", data={"client_id": "console", "token": tokens["refresh_token"]})

    assert answer.status_code == 200
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_revocation_with_locked_database_fails(cluster, app, gateway):
    """CVE-2020-15223 (ory/fosite), ory/hydra#311: errors of the store were ignored and answered 200."""
    tokens = app.log_in()
    database = sqlite3.connect(cluster.folder / "auth.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")

    try:
        answer = gateway("POST", "/oauth/revoke", data={"client_id": "cli", "token": tokens["refresh_token"]})
    finally:
        database.execute("ROLLBACK")
        database.close()

    assert answer.status_code in (503, 504)


def test_unknown_account_looks_like_wrong_password(app, gateway, alice):
    """authelia#949, GHSA-jq8w-8q2f-ffm9 (ZITADEL): the existence of an account could be found out."""
    password = "wrong-wrong-wrong"
    pages, answers = [], []
    for email in (alice.email, "unknown@example.com"):
        page = app.browser.submit(app.browser.get(app.authorization_url()), email=email, password=password)
        pages.append((page.status_code, page.text.count("<"), "wrong" in page.text))
        answer = gateway("POST", "/login", json={"email": email, "password": password})
        body = answer.json()
        body.pop("request_id", None)
        answers.append((answer.status_code, body, sorted(answer.headers)))

    assert pages[0] == pages[1]
    assert answers[0] == answers[1]
