"""Whichever way a session ends, every service refuses its tokens from then on, exchanged ones too, and others go on."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import uuid4

import pytest
from auth_service.domain.sessions.session import EndReason
from testkit.concurrency import wait_for
from testkit.token_signer import claims_of
from testkit.user import mailed_token

pytestmark = pytest.mark.compose
SCOPE = "openid profile:read orders:read orders:write"
CALLBACK = "http://127.0.0.1:49152/callback"
NEW_PASSWORD = "several unrelated words"
# What a session's token opens, by service.
ROUTES = {"users-service": "/users/me", "orders-service": "/orders", "auth-service": "/account/sessions"}


def by_log_out(s):
    return s.gateway("POST", "/logout", token=s.token)


def by_log_out_everywhere(s):
    return s.gateway("POST", "/logout/all", token=s.sibling)


def by_revoking_its_refresh_token(s):
    return s.gateway("POST", "/oauth/revoke", data={"client_id": s.client_id, "token": s.refresh_token})


def by_revoking_its_access_token(s):
    return s.gateway("POST", "/oauth/revoke", data={"client_id": s.client_id, "token": s.token})


def refreshed(s, token):
    form = {"grant_type": "refresh_token", "client_id": s.client_id, "refresh_token": token}
    return s.gateway("POST", "/oauth/token", data=form)


def by_reuse_of_a_refresh_token(s):
    second = refreshed(s, s.refresh_token).json()["refresh_token"]
    assert refreshed(s, second).status_code == 200
    return refreshed(s, s.refresh_token)


def by_reuse_of_its_code(s):
    return s.app.redeem(s.code)


def by_a_new_password(s):
    body = {"current_password": s.user.password, "new_password": NEW_PASSWORD}
    return s.gateway("POST", "/account/password", token=s.sibling, json=body)


def by_a_forgotten_password(s):
    assert s.gateway("POST", "/password-resets", json={"email": s.user.email}).status_code == 202
    token = mailed_token(s.mails, s.user.email, path="/password-resets/redeem")
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


@dataclass(frozen=True)
class End:
    """What it is recorded as, how the last request of it is answered, and whether the user's other session goes on."""

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
    # The last: no session is opened with the client of this module any more.
    by_an_operator_who_disables_the_client: End(EndReason.CLIENT_DISABLED, by_operator=True),
}


@pytest.fixture
def mails(gateway, mail_folders):
    if gateway.url not in mail_folders:
        pytest.skip("nobody can read the mail of this cluster: TOUCHSTONE_MAIL_DIR names its folder")
    return mail_folders[gateway.url]


@pytest.fixture(scope="module")
def client_of_our_own(cluster):
    """A public client that one way disables; where no operator can register one, the command line's."""
    if not hasattr(cluster, "cli"):
        return "cli"
    name = f"fallen-{uuid4().hex[:8]}"
    lists = {
        "--grant": ("authorization_code", "refresh_token"),
        "--redirect-uri": (CALLBACK,),
        "--audience": tuple(ROUTES),
        "--scope": tuple(SCOPE.split()),
    }
    given = [word for option, values in lists.items() for value in values for word in (option, value)]
    cluster.cli("auth-service", "clients", "register", name, "--public", "--name", "Fallen", *given)
    return name


@pytest.fixture
def session(request, cluster, gateway, new_user, native_app, client_of_our_own, admin, mails):
    """A session with all that it was opened with, another of the same user, and the exchanged token of it."""
    user = new_user()
    app = native_app(user, client_of_our_own)
    code = app.code(scope=SCOPE)
    told = app.redeem(code).json()
    token, own = told["access_token"], hasattr(cluster, "keys_dir")
    exchanged = request.getfixturevalue("client")("orders-service").exchange(token).json() if own else {}
    return SimpleNamespace(
        user=user,
        app=app,
        client_id=client_of_our_own,
        code=code,
        token=token,
        refresh_token=told["refresh_token"],
        id_token=told["id_token"],
        sid=claims_of(token)["sid"],
        exchanged=exchanged.get("access_token"),
        sibling=user.log_in()["access_token"],
        gateway=gateway,
        admin=admin,
        mails=mails,
        cli=lambda *words: cluster.cli("auth-service", *words),
    )


@pytest.fixture
def answers(cluster, client_at):
    """`answers(token, exchanged)`: what every service says to them, directly where it can be reached, and at the door."""

    def ask(token, exchanged=None):
        asked = [(service, path, token) for service, path in ROUTES.items()]
        asked += [("users-service", ROUTES["users-service"], exchanged)] if exchanged else []
        return [
            client_at(cluster.urls[place])("GET", path, token=each)
            for service, path, each in asked
            for place in (service, "gateway")
            if place in cluster.urls
        ]

    return ask


def statuses(answers):
    return {answer.status_code for answer in answers}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ended_session_is_refused_at_every_service(cluster, gateway, session, bob, admin, answers, way):
    end = WAYS[way]
    if end.by_operator and not hasattr(cluster, "cli"):
        pytest.skip("the given cluster shows its gateway only")
    assert statuses(answers(session.token, session.exchanged)) == {200}

    done = way(session)

    assert done is None or done.status_code == end.status, done.text
    wait_for(lambda: statuses(answers(session.token, session.exchanged)) == {401}, what="the last refusal")
    told = answers(session.token, session.exchanged)
    assert {answer.json()["type"] for answer in told} == {"urn:touchstone:problem:revoked_token"}
    assert {answer.headers["WWW-Authenticate"].partition(",")[0] for answer in told} == {
        'Bearer error="invalid_token"'
    }
    wait_for(lambda: statuses(answers(session.sibling)) == {end.sibling}, what="the sibling's answer")
    assert statuses(answers(bob.token)) == {200}
    log = gateway("GET", "/admin/audit?event=session_ended", token=admin.token).json()["items"]
    (line,) = [entry for entry in log if entry["session_id"] == session.sid]
    assert line["detail"] == {"reason": end.reason}


def test_every_end_reason_is_tested():
    assert {end.reason for end in WAYS.values()} == set(EndReason)
