"""`audiences`: list, add, remove; `roles`: list, add, set-scopes, remove."""

from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands, json_option, print_one, print_rows
from auth_service.domain.oauth.registry import Audience, Role
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.roles import RoleAdmin

_force = click.option(
    "--force", is_flag=True, help="Remove it from all that use it, and end the sessions that have it."
)


def _scopes(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator of a command that takes scopes as words, as `--scope` options, or both."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--scope", "options", multiple=True, metavar="SCOPE", help=f"{text} Repeatable."
        )(command)
        return click.argument("scopes", nargs=-1)(command)

    return decorate


def audience_commands(audiences: AudienceAdmin) -> AppGroup:
    """Return the `audiences` group."""
    group = Commands(
        "audiences", help="Manage audiences: the resource servers that tokens are for, and their scopes."
    )

    @group.command("list")
    @json_option
    def list_audiences(as_json: bool) -> None:  # noqa: FBT001 - click hands it in
        """List all audiences with their scopes."""
        print_rows(map(_audience, audiences.all()), ("audience", "scopes"), as_json=as_json)

    @group.command("add")
    @click.argument("name")
    @_scopes("A scope, or SCOPE=DESCRIPTION for the page on which users allow it.")
    @json_option
    def add(name: str, scopes: tuple[str, ...], options: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - the same
        """Add the audience NAME with its scopes; `roles set-scopes` gives them to accounts."""
        pairs = [each.partition("=") for each in (*scopes, *options)]
        made = audiences.add(name, {scope: text or scope for scope, _, text in pairs})
        print_one(_audience(made), as_json=as_json)

    @group.command("remove")
    @click.argument("name")
    @_force
    def remove(name: str, force: bool) -> None:  # noqa: FBT001 - the same
        """Remove the audience NAME and its scopes."""
        click.echo(f"removed {name}; sessions ended: {len(audiences.remove(name, force=force))}")

    return group


def role_commands(roles: RoleAdmin) -> AppGroup:
    """Return the `roles` group; running processes use a change in the next token."""
    group = Commands("roles", help="Manage roles: the scopes that accounts get together.")

    @group.command("list")
    @json_option
    def list_roles(as_json: bool) -> None:  # noqa: FBT001 - the same
        """List all roles with their scopes."""
        print_rows(map(_role, roles.all()), ("role", "scopes"), as_json=as_json)

    @group.command("add")
    @click.argument("name")
    @_scopes("A scope of the role.")
    @json_option
    def add(name: str, scopes: tuple[str, ...], options: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - the same
        """Add the role NAME with these scopes; `accounts set-role` gives it to an account."""
        print_one(_role(roles.add(name, frozenset((*scopes, *options)))), as_json=as_json)

    @group.command("set-scopes")
    @click.argument("name")
    @_scopes("A scope of the role.")
    @json_option
    def set_scopes(name: str, scopes: tuple[str, ...], options: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - the same
        """Replace the scopes of the role NAME by these: list all that it is to have."""
        if not scopes and not options:
            raise click.UsageError("name at least one scope")
        print_one(_role(roles.set_scopes(name, frozenset((*scopes, *options)))), as_json=as_json)

    @group.command("remove")
    @click.argument("name")
    @_force
    def remove(name: str, force: bool) -> None:  # noqa: FBT001 - the same
        """Remove the role NAME."""
        click.echo(f"removed {name}; sessions ended: {len(roles.remove(name, force=force))}")

    return group


def _audience(audience: Audience) -> dict[str, object]:
    return {"audience": audience.name, "scopes": [*audience.scopes, *audience.client_scopes]}


def _role(role: Role) -> dict[str, object]:
    return {"role": role.name, "scopes": sorted(role.scopes), "default": role.default}
