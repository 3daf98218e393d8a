"""The commands `accounts …`."""

import os
import pwd

import pytest

PASSWORD = "correct-horse-battery-staple"
OPERATOR = f"operator:{pwd.getpwuid(os.getuid()).pw_name}"


def refreshed(client, person):
    form = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
    return client.post("/oauth/token", data=form).status_code


def test_accounts_are_listed_as_table_and_json(run, lines):
    assert run("accounts", "list").output.splitlines()[0].split() == ["SUB", "EMAIL", "ROLES", "DISABLED_AT"]
    listed = lines("accounts", "list", "--json")

    assert {row["email"] for row in listed} == {
        "alice@example.com",
        "bob@example.com",
        "admin@example.com",
    }
    assert "password" not in str(listed)


def test_account_is_shown_by_subject_or_email(lines, run, alice):
    by_sub = lines("accounts", "show", alice["sub"], "--json")

    assert by_sub == lines("accounts", "show", "Alice@Example.com", "--json")
    assert by_sub[0]["roles"] == ["customer"]
    assert "email" in run("accounts", "show", alice["sub"]).output


def test_created_account_logs_in_with_role(client, run, lines):
    result = run(
        *("accounts", "create", "--email", "New@Example.com", "--name", "New", "--role", "admin", "--json"),
        input=f"{PASSWORD}\n{PASSWORD}\n",
    )

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    answer = client.post("/login", json={"email": "new@example.com", "password": PASSWORD})
    assert "admin" in answer.get_json()["scope"].split()
    (made,) = [line for line in lines("audit", "--event", "account_made") if line["actor"] == OPERATOR]
    assert made["detail"] == {"roles": ["admin"]}


def test_disabled_account_is_out_until_enabled(client, run, alice):
    assert (
        run("accounts", "disable", "alice@example.com").output
        == f"disabled {alice['sub']}; sessions ended: 1\n"
    )
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert (refreshed(client, alice), client.post("/login", json=credentials).status_code) == (400, 401)

    assert run("accounts", "enable", alice["sub"]).exit_code == 0
    assert client.post("/login", json=credentials).status_code == 200


def test_role_change_is_audited(run, lines, alice):
    assert run("accounts", "set-role", alice["sub"], "admin", "customer").exit_code == 0

    (line,) = lines("audit", "--event", "account_roles_set")
    assert line["detail"] == {"after": ["admin", "customer"], "before": ["customer"]}


@pytest.mark.parametrize(
    "changes",
    [("--password", "short"), ("--email", "no-address"), ("--name", "\n"), ("--role", "king")],
)
def test_invalid_account_is_not_created(run, lines, changes):
    before = lines("accounts", "list", "--json"), lines("audit")
    good = ("--email", "new@example.com", "--name", "New", "--password", PASSWORD)

    assert run("accounts", "create", *good, *changes).exit_code == 1
    assert (lines("accounts", "list", "--json"), lines("audit")) == before
