"""`clients`: list, show, register, update, disable, enable, rotate-secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands, json_option, print_one, print_rows
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.client_metadata import client_table
from auth_service.use_cases.admin.clients import ClientAdmin, NewClient, SaveKey

LISTS = {
    "grants": ("--grant", "A grant type that it may use."),
    "redirect_uris": ("--redirect-uri", "A redirect URI for log-in."),
    "post_logout_redirect_uris": ("--post-logout-redirect-uri", "A redirect URI for log-out."),
    "origins": ("--origin", "An origin whose pages may call the token endpoint (CORS)."),
    "audiences": ("--audience", "An allowed audience of its tokens."),
    "scopes": ("--scope", "A scope that it may request for a user."),
    "own_scopes": ("--own-scope", "A scope of its own tokens."),
    "serves": ("--serves", "An audience whose tokens it may introspect."),
}
SHOWN_ONCE = "The client secret, which is shown only once:"


def _lists(command: Callable[..., None]) -> Callable[..., None]:
    for name, (option, text) in reversed(LISTS.items()):
        command = click.option(option, name, multiple=True, help=f"{text} Repeatable.")(command)
    return click.option("--name", help="The name shown to users.")(command)


def _table(given: dict[str, Any]) -> dict[str, Any]:
    """Return the given options; click's tuples become the lists of client metadata, without empty values."""
    return {
        name: [one for one in value if one] if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, ())
    }


def client_commands(clients: ClientAdmin, install_key: Callable[[str, Path], None]) -> AppGroup:
    """Return the `clients` group."""
    group = Commands("clients", help="Manage clients. Those defined in files can only be shown.")

    @group.command("list")
    @json_option
    def list_clients(as_json: bool) -> None:  # noqa: FBT001 - click hands it in
        """List all clients."""
        print_rows(
            map(_row, clients.all()),
            ("client_id", "name", "authenticates", "origins", "enabled"),
            as_json=as_json,
        )

    @group.command("show")
    @click.argument("client_id")
    @json_option
    def show(client_id: str, as_json: bool) -> None:  # noqa: FBT001 - the same
        """Show one client."""
        print_one(_row(clients.get(client_id)), as_json=as_json)

    @group.command("register")
    @click.argument("client_id")
    @click.option(
        "--confidential/--public", default=False, help="Whether it can keep a secret or a private key."
    )
    @click.option("--secret", "with_secret", is_flag=True, help="Generate a client secret and show it once.")
    @click.option(
        "--public-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Its RSA public key in PEM, for private_key_jwt.",
    )
    @click.option(
        "--first-party", is_flag=True, help="A first-party client: users are not asked for consent."
    )
    @_lists
    @json_option
    def register(
        client_id: str, *, with_secret: bool, public_key: Path | None, as_json: bool, **given: Any
    ) -> None:
        """Register the client CLIENT_ID."""
        if with_secret and public_key is not None:
            raise click.UsageError(
                "--secret and --public-key: a request must use only one method of client authentication"
            )
        save_key = _save_key(install_key, client_id, public_key)
        made = clients.register(client_id, _table(given), with_secret=with_secret, save_key=save_key)
        _print_new(made, as_json=as_json)

    @group.command("update")
    @click.argument("client_id")
    @_lists
    @click.option(
        "--public-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Its new RSA public key in PEM.",
    )
    @json_option
    def update(client_id: str, public_key: Path | None, as_json: bool, **given: Any) -> None:  # noqa: FBT001 - the same
        """Change the given settings; a list is replaced as a whole, and emptied by an empty value."""
        save_key = _save_key(install_key, client_id, public_key)
        changed = clients.update(client_id, _table(given), save_key=save_key)
        print_one(_row(changed), as_json=as_json)

    _switches(group, clients)
    return group


def _switches(group: AppGroup, clients: ClientAdmin) -> None:
    @group.command("disable")
    @click.argument("client_id")
    def disable(client_id: str) -> None:
        """Disable a client and end its sessions."""
        click.echo(f"disabled {client_id}; sessions ended: {len(clients.disable(client_id))}")

    @group.command("enable")
    @click.argument("client_id")
    def enable(client_id: str) -> None:
        """Enable a client again; its old sessions stay ended."""
        clients.enable(client_id)
        click.echo(f"enabled {client_id}")

    @group.command("rotate-secret")
    @click.argument("client_id")
    @json_option
    def rotate_secret(client_id: str, as_json: bool) -> None:  # noqa: FBT001 - the same
        """Generate a new secret; the old one is invalid at once."""
        _print_new(clients.rotate_secret(client_id), as_json=as_json)


def _save_key(
    install_key: Callable[[str, Path], None], client_id: str, source: Path | None
) -> SaveKey | None:
    """Return a function that installs the public key of a file for this client, None without a file."""
    if source is None:
        return None

    def save() -> None:
        try:
            install_key(client_id, source)
        except (OSError, ValueError) as fault:
            raise click.ClickException(
                f"nothing was changed: the public key cannot be installed: {fault}"
            ) from None

    return save


def _print_new(made: NewClient, *, as_json: bool) -> None:
    row = _row(made.client)
    if as_json and made.secret is not None:
        row["client_secret"] = made.secret
    print_one(row, as_json=as_json)
    if made.secret is not None and not as_json:
        click.echo(f"{SHOWN_ONCE} {made.secret}")


def _row(client: Client) -> dict[str, object]:
    return {
        "client_id": client.client_id,
        **client_table(client),
        "authenticates": client.authenticates,
        "enabled": client.enabled,
    }
