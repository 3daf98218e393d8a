"""The commands: what administrators' routes do, and the registration of clients, for operators of auth-service."""

import os
import pwd

import pytest

PASSWORD = "correct-horse-battery-staple"
OPERATOR = f"operator:{pwd.getpwuid(os.getuid()).pw_name}"


def refreshed(client, person):
    form = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
    return client.post("/oauth/token", data=form).status_code


@pytest.mark.parametrize(
    "words",
    [
        "accounts",
        "accounts list",
        "accounts show",
        "accounts create",
        "accounts disable",
        "accounts enable",
        "accounts set-role",
        "audit",
        "clients",
        "clients list",
        "clients show",
        "clients register",
        "clients update",
        "clients disable",
        "clients enable",
        "clients rotate-secret",
        "keys",
        "sessions",
        "sessions list",
        "sessions end",
    ],
)
def test_every_command_has_help(run, words):
    result = run(*words.split(), "--help")

    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "args",
    [
        ("accounts", "show", "unknown"),
        ("accounts", "show", "unknown@example.com"),
        ("accounts", "show", "@"),
        ("accounts", "disable", "unknown"),
        ("accounts", "enable", "unknown"),
        ("accounts", "set-role", "unknown", "admin"),
        ("accounts", "set-role", "alice@example.com", "emperor"),
        ("accounts", "create", "--email", "alice@example.com", "--name", "A", "--password", PASSWORD),
        ("accounts", "create", "--email", "no address", "--name", "A", "--password", PASSWORD),
        ("accounts", "create", "--email", "new@example.com", "--name", "A", "--password", "short"),
        ("clients", "show", "unknown"),
        ("clients", "disable", "unknown"),
        ("clients", "disable", "cli"),
        ("clients", "update", "cli", "--name", "x"),
        ("clients", "rotate-secret", "unknown"),
        ("clients", "register", "cli"),
        ("clients", "register", "shop", "--grant", "password"),
        ("clients", "register", "shop", "--secret"),
        ("sessions", "end", "none"),
        ("keys", "withdraw", "none"),
    ],
)
def test_refused_command_exits_1_with_one_line(run, args):
    result = run(*args)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [
        ("accounts", "show"),
        ("accounts", "disable"),
        ("accounts", "enable"),
        ("sessions", "end"),
        ("keys", "withdraw"),
        ("signals", "remove"),
    ],
    ids=" ".join,
)
def test_identifier_may_begin_with_dash(run, args):
    result = run(*args, "-ByvsTHxHBkBNd_Kp2aGEg")

    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert "option" not in result.stderr


@pytest.mark.parametrize(
    "args", [("audit", "--event", "x"), ("audit", "--limit", "0"), ("sessions", "end"), ("x",)]
)
def test_invalid_command_exits_2(run, args):
    assert run(*args).exit_code == 2


def test_sessions_are_listed_and_ended(client, run, lines, alice):
    assert [row["sid"] for row in lines("sessions", "list", "--sub", alice["sub"], "--json")] == [
        alice["sid"]
    ]
    assert alice["sid"] in run("sessions", "list").output

    assert run("sessions", "end", alice["sid"]).output == f"ended {alice['sid']}\n"
    assert run("sessions", "end", alice["sid"]).output == f"{alice['sid']} was already ended\n"
    assert refreshed(client, alice) == 400
    (line,) = lines("audit", "--event", "session_ended")
    assert (line["actor"], line["detail"]) == (OPERATOR, {"reason": "ended_by_admin"})


def test_audit_log_is_oldest_first_and_limited(client, lines, clock, alice):
    clock.advance(86_400)
    client.post("/login", json={"email": "bob@example.com", "password": PASSWORD})

    everything = lines("audit")
    assert [line["id"] for line in everything] == sorted(line["id"] for line in everything)
    assert lines("audit", "--limit", "1") == everything[-1:]
    assert {line["subject"] for line in lines("audit", "--since", "2027-01-16")} == {
        everything[-1]["subject"]
    }
    assert everything[-1]["at"].endswith("Z")


def test_key_changes_are_audited(run, lines):
    run("keys", "rotate")
    kid = lines("audit", "--event", "key_rotated")[0]["detail"]["kid"]
    run("keys", "withdraw", kid)
    run("keys", "prune")

    assert lines("audit", "--event", "key_withdrawn")[0]["detail"] == {"kid": kid}
    assert lines("audit", "--event", "keys_pruned") == []
    assert lines("audit", "--event", "key_rotated")[0]["actor"] == OPERATOR
