"""The commands `audiences …` and `roles …`."""

import pytest

WORDS = ("audiences", "add", "my-app", "things:read", "things:write=Change your things")


@pytest.fixture
def refreshed(client, alice):
    """`refreshed()`: the scopes of the next token of Alice, or the status of a refusal."""
    tokens = dict(alice)

    def ask():
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = client.post("/oauth/token", data=form)
        if answer.status_code != 200:
            return answer.status_code
        tokens.update(answer.get_json())
        return set(tokens["scope"].split())

    return ask


def named(rows, kind):
    return {row[kind]: row for row in rows}


@pytest.mark.parametrize(
    "scopes",
    [
        ("things:read", "things:write=Change things"),
        ("--scope", "things:read", "--scope", "things:write=Change things"),
        ("things:read", "--scope", "things:write=Change things"),
    ],
)
def test_audience_is_added_with_scopes(run, lines, scopes):
    (added,) = lines("audiences", "add", "my-app", *scopes, "--json")

    assert added == {"audience": "my-app", "scopes": ["things:read", "things:write"]}
    assert added in lines("audiences", "list", "--json")
    assert "things:read things:write" in run("audiences", "list").output
    (entry,) = lines("audit", "--event", "audience_added")
    assert entry["actor"].startswith("operator:")
    assert entry["detail"] == added | {"audience": "my-app"}


def test_audiences_of_files_are_listed(lines):
    listed = named(lines("audiences", "list", "--json"), "audience")

    assert listed["orders-service"]["scopes"] == ["orders:read", "orders:write"]
    assert "ssf.read" in listed["auth-service"]["scopes"]


@pytest.mark.parametrize(
    ("command", "faults"),
    [
        (("audiences", "add", "a/b", "a b"), ["name: must have", "'a b': must have"]),
        (("audiences", "add", "users-service"), ["exists already"]),
        (("audiences", "add", "my-app", "orders:read"), ["belongs to audience orders-service"]),
        (("audiences", "remove", "none"), ["no audience none"]),
        (("audiences", "remove", "users-service", "--force"), ["defined in a file"]),
        (("roles", "add", "Clerk"), ["name: must have"]),
        (("roles", "add", "customer"), ["exists already"]),
        (("roles", "add", "clerk", "none:a", "none:b"), ["none:a: unknown", "none:b: unknown"]),
        (("roles", "set-scopes", "none", "orders:read"), ["no role none; the roles are admin, customer"]),
        (("roles", "set-scopes", "customer", "--scope", "none"), ["none: unknown"]),
        (("roles", "remove", "none"), ["no role none"]),
        (("roles", "remove", "customer", "--force"), ["defined in a file"]),
    ],
)
def test_faulty_command_changes_nothing(run, lines, command, faults):
    before = lines("audiences", "list", "--json"), lines("roles", "list", "--json"), lines("audit")

    refused = run(*command)

    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert all(fault in refused.output for fault in faults), refused.output
    assert (lines("audiences", "list", "--json"), lines("roles", "list", "--json"), lines("audit")) == before


@pytest.mark.parametrize(
    "command", [("roles", "set-scopes", "customer"), ("roles", "add"), ("audiences", "add")]
)
def test_incomplete_command_is_usage_error(run, command):
    assert run(*command).exit_code == 2


def test_role_is_added_changed_and_removed(run, lines):
    (added,) = lines("roles", "add", "clerk", "orders:read", "--scope", "users:read", "--json")
    (changed,) = lines("roles", "set-scopes", "clerk", "orders:write", "--scope", "orders:read", "--json")

    assert added == {"role": "clerk", "scopes": ["orders:read", "users:read"], "default": False}
    assert changed["scopes"] == ["orders:read", "orders:write"]
    assert changed in lines("roles", "list", "--json")
    assert "clerk" in run("roles", "list").output
    assert run("roles", "remove", "clerk").output == "removed clerk; sessions ended: 0\n"
    for event in ("role_added", "role_scopes_set", "role_removed"):
        (entry,) = lines("audit", "--event", event)
        assert entry["actor"].startswith("operator:")


def test_added_scope_is_in_next_token_and_gone_after(run, lines, refreshed):
    assert run(*WORDS).exit_code == 0
    scopes = named(lines("roles", "list", "--json"), "role")["customer"]["scopes"]

    assert run("roles", "set-scopes", "customer", *scopes, "things:read").exit_code == 0
    assert refreshed() == {*scopes, "things:read"}

    assert run("roles", "set-scopes", "customer", *scopes).exit_code == 0
    assert refreshed() == set(scopes)


def test_used_audience_is_removed_by_force(run, lines, refreshed):
    run(*WORDS)
    scopes = named(lines("roles", "list", "--json"), "role")["customer"]["scopes"]
    run("roles", "set-scopes", "customer", *scopes, "things:read")
    run("clients", "register", "app", "--audience", "my-app", "--scope", "things:read")
    assert "things:read" in refreshed()

    refused = run("audiences", "remove", "my-app")
    assert refused.exit_code == 1
    assert "role customer, client app, active sessions: 1" in refused.output

    assert run("audiences", "remove", "my-app", "--force").output == "removed my-app; sessions ended: 1\n"
    assert refreshed() == 400
    assert named(lines("roles", "list", "--json"), "role")["customer"]["scopes"] == scopes
    assert "audiences" not in lines("clients", "show", "app", "--json")[0]
    (entry,) = lines("audit", "--event", "session_ended")
    assert entry["detail"] == {"reason": "audience_removed"}
    assert run(*WORDS).exit_code == 0


def test_used_role_is_removed_by_force(run, alice, refreshed):
    run("roles", "add", "clerk", "orders:read")
    assert run("accounts", "set-role", alice["sub"], "clerk").exit_code == 0

    refused = run("roles", "remove", "clerk")
    assert refused.exit_code == 1
    assert "accounts that have it: 1" in refused.output

    assert run("roles", "remove", "clerk", "--force").output == "removed clerk; sessions ended: 1\n"
    assert refreshed() == 400
