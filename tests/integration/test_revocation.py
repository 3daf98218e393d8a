"""Each way to end a session: afterwards every service refuses its tokens and exchanged ones; other sessions continue."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import uuid4

import pytest
from auth_service.domain.sessions.session import EndReason
from testkit.concurrency import wait_for
from testkit.oauth_clients import CALLBACK
from testkit.token_signer import claims_of
from testkit.user import mailed_token

pytestmark = pytest.mark.compose
SCOPE = "openid profile:read orders:read orders:write"
NEW_PASSWORD = "several unrelated words"
# A route of each service that a session's token opens.
ROUTES = {"users-service": "/users/me", "orders-service": "/orders", "auth-service": "/account/sessions"}


def by_log_out(s):
    return s.gateway("POST", "/logout", token=s.token)


def by_log_out_everywhere(s):
    return s.gateway("POST", "/logout/all", token=s.sibling)


def by_revoking_its_refresh_token(s):
    return s.gateway("POST", "/oauth/revoke", data={"client_id": s.client_id, "token": s.refresh_token})


def by_revoking_its_access_token(s):
    form = {"client_id": s.client_id, "token": s.token, "token_type_hint": "refresh_token"}
    return s.gateway("POST", "/oauth/revoke", data=form)


def by_reuse_of_a_refresh_token(s):
    second = s.app.refresh(s.refresh_token).json()["refresh_token"]
    assert s.app.refresh(second).status_code == 200
    return s.app.refresh(s.refresh_token)


def by_reuse_of_its_code(s):
    return s.app.redeem(s.code)


def by_a_new_password(s):
    body = {"current_password": s.user.password, "new_password": NEW_PASSWORD}
    return s.gateway("POST", "/account/password", token=s.sibling, json=body)


def by_a_forgotten_password(s):
    assert s.gateway("POST", "/password-resets", json={"email": s.user.email}).status_code == 202
    token = mailed_token(s.mail_folder, s.user.email, path="/password-resets/redeem")
    return s.gateway("POST", "/password-resets/redeem", json={"token": token, "new_password": NEW_PASSWORD})


def by_its_owner_from_elsewhere(s):
    return s.gateway("DELETE", f"/account/sessions/{s.sid}", token=s.sibling)


def by_the_client_at_the_browser(s):
    return s.gateway("GET", f"/oauth/logout?id_token_hint={s.id_token}")


def by_an_administrator(s):
    return s.gateway("DELETE", f"/admin/sessions/{s.sid}", token=s.admin.token)


def by_disabling_the_account(s):
    return s.gateway("POST", f"/admin/accounts/{s.user.sub}/disable", token=s.admin.token)


def by_an_operator(s):
    s.cli("sessions", "end", s.sid)


def by_an_operator_who_disables_the_account(s):
    s.cli("accounts", "disable", s.user.email)


def by_an_operator_who_disables_the_client(s):
    s.cli("clients", "disable", s.client_id)


def by_an_operator_who_removes_a_role(s):
    role = f"role-{uuid4().hex[:8]}"
    s.cli("roles", "add", role)
    s.cli("accounts", "set-role", s.user.email, "customer", role)
    s.cli("roles", "remove", role, "--force")


@dataclass(frozen=True)
class End:
    """The recorded reason, the status of the request that ends it, and that of the user's other session afterwards."""

    reason: EndReason
    status: int = 204
    sibling: int = 200
    by_operator: bool = False


WAYS: dict[Callable, End] = {
    by_log_out: End(EndReason.LOGGED_OUT),
    by_the_client_at_the_browser: End(EndReason.LOGGED_OUT, 200),
    by_log_out_everywhere: End(EndReason.LOGGED_OUT_EVERYWHERE, sibling=401),
    by_revoking_its_refresh_token: End(EndReason.REVOKED, 200),
    by_revoking_its_access_token: End(EndReason.REVOKED, 200),
    by_reuse_of_a_refresh_token: End(EndReason.REFRESH_REUSED, 400),
    by_reuse_of_its_code: End(EndReason.CODE_REUSED, 400),
    by_a_new_password: End(EndReason.PASSWORD_CHANGED),
    by_a_forgotten_password: End(EndReason.PASSWORD_RESET, sibling=401),
    by_its_owner_from_elsewhere: End(EndReason.ENDED_BY_OWNER),
    by_an_administrator: End(EndReason.ENDED_BY_ADMIN),
    by_an_operator: End(EndReason.ENDED_BY_ADMIN, by_operator=True),
    by_disabling_the_account: End(EndReason.ACCOUNT_DISABLED, sibling=401),
    by_an_operator_who_disables_the_account: End(EndReason.ACCOUNT_DISABLED, sibling=401, by_operator=True),
    by_an_operator_who_removes_a_role: End(EndReason.ROLE_REMOVED, sibling=401, by_operator=True),
    # The last one, because the client of this module stays disabled.
    by_an_operator_who_disables_the_client: End(EndReason.CLIENT_DISABLED, by_operator=True),
}


@pytest.fixture(scope="module")
def public_client(cluster):
    """The ID of a public client that may be disabled; `cli` where a cluster has no command line."""
    if not hasattr(cluster, "cli"):
        return "cli"
    client_id = f"disabled-{uuid4().hex[:8]}"
    lists = {
        "--grant": ("authorization_code", "refresh_token"),
        "--redirect-uri": (CALLBACK,),
        "--audience": tuple(ROUTES),
        "--scope": tuple(SCOPE.split()),
    }
    options = [word for name, values in lists.items() for value in values for word in (name, value)]
    cluster.cli("auth-service", "clients", "register", client_id, "--public", "--name", "D", *options)
    return client_id


@pytest.fixture
def session(cluster, gateway, new_user, native_app, public_client, confidential_client, admin, mail_folder):
    """A session with all its tokens, an exchanged token, and another session of the same user (`sibling`)."""
    user = new_user()
    app = native_app(user, public_client)
    code = app.code(scope=SCOPE)
    answer = app.redeem(code).json()
    token, own_keys = answer["access_token"], hasattr(cluster, "keys_dir")
    exchanged = confidential_client("orders-service").exchange(token).json() if own_keys else {}
    return SimpleNamespace(
        user=user,
        app=app,
        client_id=public_client,
        code=code,
        token=token,
        refresh_token=answer["refresh_token"],
        id_token=answer["id_token"],
        sid=claims_of(token)["sid"],
        exchanged=exchanged.get("access_token"),
        sibling=user.log_in()["access_token"],
        gateway=gateway,
        admin=admin,
        mail_folder=mail_folder,
        cli=lambda *words: cluster.cli("auth-service", *words),
    )


@pytest.fixture
def answers(cluster, client_at):
    """`answers(token, exchanged)`: the answers of every service, directly where possible, and through the gateway."""

    def ask(token, exchanged=None):
        requests = [(service, path, token) for service, path in ROUTES.items()]
        requests += [("users-service", ROUTES["users-service"], exchanged)] if exchanged else []
        return [
            client_at(cluster.urls[place])("GET", path, token=each)
            for service, path, each in requests
            for place in (service, "gateway")
            if place in cluster.urls
        ]

    return ask


def statuses(answers):
    return {answer.status_code for answer in answers}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ended_session_is_refused_at_every_service(
    cluster, gateway, session, confidential_client, bob, admin, answers, way
):
    """GHSA-895x-rfqp-jh5c (Keycloak), keycloak#27275: log-outs that forgot a kind of session or of token."""
    end = WAYS[way]
    if end.by_operator and not hasattr(cluster, "cli"):
        pytest.skip("only the gateway of the given cluster can be reached")
    assert statuses(answers(session.token, session.exchanged)) == {200}

    done = way(session)

    assert done is None or done.status_code == end.status, done.text
    wait_for(lambda: statuses(answers(session.token, session.exchanged)) == {401}, what="the last refusal")
    refusals = answers(session.token, session.exchanged)
    assert {answer.json()["type"] for answer in refusals} == {"urn:touchstone:problem:revoked_token"}
    assert {answer.headers["WWW-Authenticate"].partition(",")[0] for answer in refusals} == {
        'Bearer error="invalid_token"'
    }
    assert gateway("GET", "/oauth/userinfo", token=session.token).status_code == 401
    assert session.app.refresh(session.refresh_token).json()["error"] in {"invalid_grant", "invalid_client"}
    if hasattr(cluster, "keys_dir"):
        introspected = confidential_client("introspector").post("/oauth/introspect", token=session.token)
        assert introspected.json() == {"active": False}
        assert confidential_client("orders-service").exchange(session.token).status_code == 400
    wait_for(lambda: statuses(answers(session.sibling)) == {end.sibling}, what="the sibling's answer")
    assert statuses(answers(bob.token)) == {200}
    log = gateway("GET", "/admin/audit?event=session_ended", token=admin.token).json()["items"]
    (line,) = [entry for entry in log if entry["session_id"] == session.sid]
    assert line["detail"] == {"reason": end.reason}


def test_every_end_reason_is_tested():
    elsewhere = {EndReason.AUDIENCE_REMOVED}  # test_registry.py: it ends the sessions of all users
    assert {end.reason for end in WAYS.values()} == set(EndReason) - elsewhere
