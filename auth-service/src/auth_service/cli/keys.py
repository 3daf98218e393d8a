"""`keys`: list, rotate, withdraw, prune, encrypt."""

from collections.abc import Callable
from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands
from auth_service.use_cases.admin.signing_keys import KeyAdmin


def keys_commands(keys: KeyAdmin, encrypt_files: Callable[[], list[str]]) -> AppGroup:
    """Return the `keys` group; running processes apply changes within a second.

    `encrypt_files` returns the names of the encrypted files, and raises ValueError with the reason if it fails.
    """
    group = Commands("keys", help="Manage the signing keys; running processes apply changes by themselves.")

    @group.command("list")
    def list_keys() -> None:
        """List all keys with their states and times."""
        click.echo(
            f"{'KID':<43}  {'STATE':<8}  {'MADE':<20}  {'SIGNS FROM':<20}  {'SIGNS UNTIL':<20}  PUBLISHED UNTIL"
        )
        for key in keys.statuses():
            times = (key.created_at, key.signs_from, key.signs_until, key.published_until)
            click.echo(
                f"{key.kid:<43}  {key.state:<8}  " + "  ".join(f"{_time(at):<20}" for at in times).rstrip()
            )

    @group.command("rotate")
    def rotate() -> None:
        """Add a key: it is published now, and signs once every verifier can know it."""
        kid = keys.rotate()
        made = next(key for key in keys.statuses() if key.kid == kid)
        click.echo(f"added {kid}, which signs from {_time(made.signs_from)}")

    @group.command("withdraw")
    @click.argument("kid")
    def withdraw(kid: str) -> None:
        """Withdraw the key KID at once: all tokens that it signed become invalid."""
        made = keys.withdraw(kid)
        click.echo(f"withdrew {kid}")
        if made:
            click.echo(f"added {made}, which signs from now on: no other key was left")

    @group.command("prune")
    def prune() -> None:
        """Remove the keys that no valid token needs."""
        gone = keys.prune()
        for kid in gone:
            click.echo(f"removed {kid}")
        if not gone:
            click.echo("nothing to remove")

    _add_encrypt(group, encrypt_files)
    return group


def _add_encrypt(group: AppGroup, encrypt_files: Callable[[], list[str]]) -> None:
    @group.command("encrypt")
    def encrypt() -> None:
        """Encrypt plain key files with KEY_PASSPHRASE, which every running process must have already."""
        try:
            done = encrypt_files()
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        for name in done:
            click.echo(f"encrypted {name}")
        if not done:
            click.echo("nothing to encrypt")


def _time(at: int | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
