"""The commands for signing keys."""

import pytest

PASSPHRASE = "a passphrase of many words"


def invoke(app, *args):
    return app.test_cli_runner().invoke(args=["keys", *args])


@pytest.fixture
def run(app):
    return lambda *args: invoke(app, *args)


def test_keys_list_rotate_withdraw_prune(run, clock):
    (first,) = [line.split() for line in run("list").output.splitlines()[1:]]
    assert first[1] == "current"
    added = run("rotate").output
    assert added.startswith("added ")
    assert "signs from 2027-01-15T08:02:00Z" in added
    assert [line.split()[1] for line in run("list").output.splitlines()[1:]] == ["current", "next"]
    assert run("prune").output == "nothing to remove\n"
    clock.advance(1000)
    assert run("prune").output == f"removed {first[0]}\n"
    second = added.split()[1].rstrip(",")
    withdrawn = run("withdraw", second).output
    assert withdrawn.startswith(f"withdrew {second}\nadded ")


def test_withdrawal_of_next_key_adds_none(run):
    kid = run("rotate").output.split()[1].rstrip(",")

    assert run("withdraw", kid).output == f"withdrew {kid}\n"


def test_withdrawal_of_unknown_key_is_error(run):
    answer = run("withdraw", "nothing")

    assert (answer.exit_code, answer.output) == (1, "Error: no signing key has the id 'nothing'\n")


@pytest.mark.parametrize("command", [[], ["list"], ["rotate"], ["withdraw"], ["prune"]])
def test_key_commands_have_help(run, command):
    answer = run(*command, "--help")

    assert (answer.exit_code, "Usage:" in answer.output) == (0, True)


def test_encrypt_command_names_plain_files(make_app, keys_dir):
    app = make_app(key_passphrase=PASSPHRASE)
    (file,) = (keys_dir / "signing").glob("*.pem")

    first, again = invoke(app, "encrypt"), invoke(app, "encrypt")

    assert (first.exit_code, first.stdout) == (0, f"encrypted {file.name}\n")
    assert (again.exit_code, again.stdout) == (0, "nothing to encrypt\n")
    assert app.test_client().get("/readyz").status_code == 200


def test_encrypt_command_needs_passphrase(app):
    done = invoke(app, "encrypt")

    assert done.exit_code == 1
    assert "KEY_PASSPHRASE" in done.stderr
