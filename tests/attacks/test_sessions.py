"""Sessions: every way to end one, races for the next token, and what may not be learnt about accounts."""

import sqlite3

import pytest
from testkit.concurrency import at_once
from testkit.oauth_clients import CALLBACK
from testkit.user import User

INVALID = (400, "invalid_grant")


def test_refresh_token_raced_has_one_successor(app):
    """CVE-2026-1035 (Keycloak): reuse was checked first and noted later."""
    token = app.log_in()["refresh_token"]

    answers = at_once(12, lambda: app.refresh(token))

    assert len({each.json()["refresh_token"] for each in answers if each.status_code == 200}) == 1


def by_log_out(gateway, user, tokens, admin):
    return gateway("POST", "/logout", token=tokens["access_token"])


def by_log_out_everywhere(gateway, user, tokens, admin):
    return gateway("POST", "/logout/all", token=user.log_in()["access_token"])


def by_revoking_the_refresh_token(gateway, user, tokens, admin):
    return gateway("POST", "/oauth/revoke", data={"client_id": "cli", "token": tokens["refresh_token"]})


def by_revoking_the_access_token(gateway, user, tokens, admin):
    form = {"client_id": "cli", "token": tokens["access_token"], "token_type_hint": "refresh_token"}
    return gateway("POST", "/oauth/revoke", data=form)


def by_a_new_password(gateway, user, tokens, admin):
    body = {"current_password": user.password, "new_password": "a-new-and-quite-different-one"}
    return gateway("POST", "/account/password", token=user.log_in()["access_token"], json=body)


def by_the_clients_log_out(gateway, user, tokens, admin):
    return gateway("GET", f"/oauth/logout?id_token_hint={tokens['id_token']}")


def by_an_administrator(gateway, user, tokens, admin):
    found = gateway("GET", f"/admin/sessions?sub={user.sub}", token=admin.token).json()
    answers = [
        gateway("DELETE", f"/admin/sessions/{each['sid']}", token=admin.token)
        for each in (found["items"] if isinstance(found, dict) else found)
    ]
    return answers[0]


def by_disabling_the_account(gateway, user, tokens, admin):
    return gateway("POST", f"/admin/accounts/{user.sub}/disable", token=admin.token)


WAYS = [
    by_log_out,
    by_log_out_everywhere,
    by_revoking_the_refresh_token,
    by_revoking_the_access_token,
    by_a_new_password,
    by_the_clients_log_out,
    by_an_administrator,
    by_disabling_the_account,
]


@pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
def test_ended_session_is_refused_everywhere(own, gateway, admin, confidential_client, end):
    """GHSA-895x-rfqp-jh5c, keycloak#27275: log-out forgot one of the kinds of session, or one of the ways."""
    user, app = own
    tokens = app.log_in()

    assert end(gateway, user, tokens, admin).status_code in (200, 204, 303)

    again = app.refresh(tokens["refresh_token"])
    assert (again.status_code, again.json()["error"]) == INVALID
    assert confidential_client("introspector").post(
        "/oauth/introspect", token=tokens["access_token"]
    ).json() == {"active": False}
    exchanged = confidential_client("orders-service").exchange(subject_token=tokens["access_token"])
    assert exchanged.status_code == 400
    assert gateway("GET", "/oauth/userinfo", token=tokens["access_token"]).status_code == 401


def test_disabled_client_loses_its_tokens(cluster, app, gateway):
    """CVE-2026-93999 (Keycloak): direct requests of a disabled client were refused, and refreshes were not."""
    places = ("--redirect-uri", CALLBACK, "--audience", "orders-service", "--scope", "orders:read")
    grants = ("--grant", "authorization_code", "--grant", "refresh_token")
    cluster.cli(
        "auth-service", "clients", "register", "fallen", "--public", "--name", "Fallen", *grants, *places
    )
    own = {"client_id": "fallen"}
    tokens = app.redeem(app.code(scope="orders:read", **own), **own).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **own}
    held = app.code(scope="orders:read", **own)

    cluster.cli("auth-service", "clients", "disable", "fallen")

    assert gateway("POST", "/oauth/token", data=form).json()["error"] in {"invalid_client", "invalid_grant"}
    assert app.redeem(held, **own).json()["error"] in {"invalid_client", "invalid_grant"}
    assert app.browser.get(app.authorization_url(scope="orders:read", **own)).status_code == 400
    cluster.cli("auth-service", "clients", "enable", "fallen")
    assert gateway("POST", "/oauth/token", data=form).json()["error"] == "invalid_grant"


def test_logout_all_ends_browser_session(own, gateway):
    """GHSA-895x-rfqp-jh5c (Keycloak): after log-out everywhere the browser still got new codes."""
    user, app = own
    app.log_in()

    gateway("POST", "/logout/all", token=user.log_in()["access_token"])

    answer = app.browser.get(app.authorization_url(prompt="none"))
    assert "error=login_required" in answer.headers["Location"]


def test_revocation_by_other_client_ends_nothing(app, gateway):
    """RFC 7009 section 2.1; ory/hydra#311: revocation answered 200 whatever happened."""
    tokens = app.log_in()

    answer = gateway("POST", "/oauth/revoke", data={"client_id": "console", "token": tokens["refresh_token"]})

    assert answer.status_code == 200
    assert app.refresh(tokens["refresh_token"]).status_code == 200


def test_revocation_with_locked_database_fails(cluster, app, gateway):
    """CVE-2020-15223 (ory/fosite), ory/hydra#311: errors of the store were swallowed and answered 200."""
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
    """authelia#949, GHSA-jq8w-8q2f-ffm9 (ZITADEL): who has an account could be found out."""
    stranger = User(gateway, "nobody-has-this@example.com", "wrong-wrong-wrong")
    pages, answers = [], []
    for email in (alice.email, stranger.email):
        page = app.browser.submit(
            app.browser.get(app.authorization_url()), email=email, password=stranger.password
        )
        pages.append((page.status_code, page.text.count("<"), "not right" in page.text))
        answer = gateway("POST", "/login", json={"email": email, "password": stranger.password})
        told = answer.json()
        told.pop("request_id", None)
        answers.append((answer.status_code, told, sorted(answer.headers)))

    assert pages[0] == pages[1]
    assert answers[0] == answers[1]
