"""The routes of audiences and roles."""

import pytest

from ...fakes.registry import CUSTOMER_SCOPES
from ..helpers import refresh, slug_of

APP = {"name": "my-app", "scopes": {"things:read": "See your things", "things:write": "Change your things"}}


@pytest.fixture
def app_audience(send):
    """An audience that no role uses yet."""
    assert send("POST", "/admin/audiences", json=APP).status_code == 201
    return APP["name"]


@pytest.fixture
def role(send, app_audience):
    """A role with a scope of that audience, which no account has."""
    body = {"name": "clerk", "scopes": ["things:read"]}
    assert send("POST", "/admin/roles", json=body).status_code == 201
    return "clerk"


def named(answer, kind):
    return {row["name"]: row for row in answer.get_json()[kind]}


def test_audiences_of_files_are_listed(send):
    listed = named(send("GET", "/admin/audiences"), "audiences")

    assert listed["orders-service"]["scopes"]["orders:read"] == "See your orders"
    assert set(listed["auth-service"]["client_scopes"]) == {"ssf.manage", "ssf.read"}


@pytest.mark.parametrize("scopes", [APP["scopes"], list(APP["scopes"]), []])
def test_added_audience_is_listed_and_audited(send, admin, events, scopes):
    answer = send("POST", "/admin/audiences", json={"name": "my-app", "scopes": scopes})

    texts = scopes if isinstance(scopes, dict) else {scope: scope for scope in scopes}
    assert (answer.status_code, answer.get_json()) == (
        201,
        {"name": "my-app", "scopes": texts, "client_scopes": {}},
    )
    assert named(send("GET", "/admin/audiences"), "audiences")["my-app"] == answer.get_json()
    (added,) = events("audience_added")
    assert (added.actor, added.detail) == (admin["sub"], {"audience": "my-app", "scopes": sorted(scopes)})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "my app", "scopes": []}, "name: must have"),
        ({"name": "my/app", "scopes": []}, "name: must have"),
        ({"name": "..", "scopes": []}, "name: must have"),
        ({"name": "my-app", "scopes": ["a b"]}, "'a b': must have"),
        ({"name": "my-app", "scopes": {"a": ""}}, "a: the description"),
        ({"name": "my-app", "scopes": ["orders:read"]}, "belongs to audience orders-service already"),
        ({"name": "my-app", "scopes": ["openid"]}, "belongs to OpenID Connect already"),
    ],
)
def test_invalid_audience_is_not_added(send, events, body, named):
    before = send("GET", "/admin/audiences").get_json()

    answer = send("POST", "/admin/audiences", json=body)

    assert (answer.status_code, slug_of(answer)) == (422, "invalid_registration")
    assert named in answer.get_json()["detail"]
    assert send("GET", "/admin/audiences").get_json() == before
    assert events("audience_added") == []


INVALID = [
    *("\x00", "x" * 101, 1, True, None, ["\x00"], [1], {"a": 1}),
    *(["a"] * 101, {f"s{n}": "a" for n in range(101)}),
]
NOT_UNICODE = ["\ud800", ["\ud800"], {"\ud800": "a"}, {"a": "\ud800"}]


@pytest.mark.parametrize(
    ("method", "path", "member"),
    [
        ("POST", "/admin/audiences", "name"),
        ("POST", "/admin/audiences", "scopes"),
        ("POST", "/admin/roles", "name"),
        ("POST", "/admin/roles", "scopes"),
        ("PUT", "/admin/roles/customer/scopes", "scopes"),
    ],
)
def test_invalid_member_is_refused(send, method, path, member):
    body = {"name": "my-app", "scopes": []} if method == "POST" else {}
    for value in [*INVALID, *NOT_UNICODE]:
        answer = send(method, path, json=body | {member: value})

        assert answer.status_code == (400 if value in NOT_UNICODE else 422), value
        assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("path", ["/admin/audiences", "/admin/roles"])
def test_unknown_member_is_422(send, path):
    body = {"name": "my-app", "scopes": [], "default": True}

    assert send("POST", path, json=body).status_code == 422


@pytest.mark.parametrize("path", ["/admin/audiences/%00", "/admin/roles/%C3%A9", f"/admin/roles/{'x' * 256}"])
def test_invalid_name_in_path_is_422(send, path):
    assert send("DELETE", path).status_code == 422


@pytest.mark.parametrize("force", ["", "perhaps", "%00"])
def test_invalid_force_is_422(send, app_audience, force):
    assert send("DELETE", f"/admin/audiences/{app_audience}?force={force}").status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/admin/audiences", {"name": "my-app", "scopes": []}),
        ("/admin/roles", {"name": "customer", "scopes": []}),
    ],
)
def test_taken_name_is_409(send, app_audience, path, body):
    answer = send("POST", path, json=body)

    assert (answer.status_code, slug_of(answer)) == (409, "in_use")


@pytest.mark.parametrize("path", ["/admin/audiences/orders-service", "/admin/roles/customer"])
def test_row_of_file_cannot_be_removed(send, path):
    for query in ("", "?force=true"):
        answer = send("DELETE", f"{path}{query}")

        assert answer.status_code == 409
        assert "defined in a file" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/admin/audiences/none"),
        ("DELETE", "/admin/roles/none"),
        ("PUT", "/admin/roles/none/scopes"),
    ],
)
def test_unknown_row_is_404(send, method, path):
    answer = send(method, path, json={"scopes": []})

    assert (answer.status_code, slug_of(answer)) == (404, "not_registered")


def test_unused_audience_is_removed(send, app_audience, admin, events):
    # the sessions of first-party clients begun before the audience do not have it
    assert send("DELETE", f"/admin/audiences/{app_audience}").status_code == 204

    assert app_audience not in named(send("GET", "/admin/audiences"), "audiences")
    assert events("audience_removed")[0].actor == admin["sub"]


def test_used_audience_is_removed_by_force(client, send, log_in, role, app_audience, events, admin):
    alice = log_in("alice")

    refused = send("DELETE", f"/admin/audiences/{app_audience}")
    assert (refused.status_code, slug_of(refused)) == (409, "in_use")
    assert "role clerk, active sessions: 1" in refused.get_json()["detail"]

    assert send("DELETE", f"/admin/audiences/{app_audience}?force=true").status_code == 204
    assert refresh(client, alice).status_code == 400
    assert named(send("GET", "/admin/roles"), "roles")["clerk"]["scopes"] == []
    (ended,) = events("session_ended")
    assert (ended.actor, ended.detail) == (admin["sub"], {"reason": "audience_removed"})


def test_roles_of_files_are_listed(send):
    listed = named(send("GET", "/admin/roles"), "roles")

    assert (listed["customer"]["default"], listed["admin"]["default"]) == (True, False)
    assert listed["customer"]["scopes"] == sorted(CUSTOMER_SCOPES)


def test_role_is_added_changed_and_removed(send, role, admin, events):
    changed = send("PUT", f"/admin/roles/{role}/scopes", json={"scopes": ["things:write", "orders:read"]})

    assert changed.get_json() == {
        "name": role,
        "scopes": ["orders:read", "things:write"],
        "default": False,
    }
    assert named(send("GET", "/admin/roles"), "roles")[role] == changed.get_json()
    assert send("DELETE", f"/admin/roles/{role}").status_code == 204
    assert role not in named(send("GET", "/admin/roles"), "roles")
    for event in ("role_added", "role_scopes_set", "role_removed"):
        assert [each.actor for each in events(event)] == [admin["sub"]]


def test_added_scope_is_in_next_token(client, send, app_audience, alice):
    scopes = named(send("GET", "/admin/roles"), "roles")["customer"]["scopes"]

    send("PUT", "/admin/roles/customer/scopes", json={"scopes": [*scopes, "things:read"]})
    wider = refresh(client, alice).get_json()
    assert "things:read" in wider["scope"].split()

    send("PUT", "/admin/roles/customer/scopes", json={"scopes": scopes})
    assert "things:read" not in refresh(client, wider).get_json()["scope"].split()


@pytest.mark.parametrize("scope", ["none:such", "ssf.manage", "openid", "*"])
def test_role_refuses_other_scope(send, scope):
    for method, path in (("POST", "/admin/roles"), ("PUT", "/admin/roles/customer/scopes")):
        body = {"scopes": [scope]} | ({"name": "clerk"} if method == "POST" else {})
        answer = send(method, path, json=body)

        assert (answer.status_code, slug_of(answer)) == (422, "invalid_registration")


def test_used_role_is_removed_by_force(app, client, send, log_in, alice, role, events):
    assert app.test_cli_runner().invoke(args=["accounts", "set-role", alice["sub"], role]).exit_code == 0
    refused = send("DELETE", f"/admin/roles/{role}")

    assert (refused.status_code, slug_of(refused)) == (409, "in_use")
    assert send("DELETE", f"/admin/roles/{role}?force=true").status_code == 204
    assert refresh(client, alice).status_code == 400
    assert {each.detail["reason"] for each in events("session_ended")} == {"role_removed"}


@pytest.mark.parametrize("path", ["/admin/audiences", "/admin/roles"])
def test_registry_responses_are_not_cached(send, path):
    assert send("GET", path).headers["Cache-Control"] == "no-store"
    assert send("POST", path, json={}).headers["Cache-Control"] == "no-store"
