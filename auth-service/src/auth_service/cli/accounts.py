"""`accounts`: list, show, create, disable, enable, set-role."""

import click
from flask.cli import AppGroup

from auth_service.cli.common import Commands, json_option, moment, print_one, print_rows
from auth_service.domain.accounts.account import Account
from auth_service.use_cases.admin.accounts import AccountAdmin

PAGE = 200


def account_commands(accounts: AccountAdmin) -> AppGroup:
    """Return the `accounts` group; ACCOUNT is a subject or an email address."""
    group = Commands("accounts", help="Manage accounts.")

    @group.command("list")
    @json_option
    def list_accounts(as_json: bool) -> None:  # noqa: FBT001 - click hands it in
        """List all accounts."""
        rows, after = [], None
        while page := accounts.page(after, PAGE):
            rows += [_row(account) for account in page]
            after = page[-1].sub
        print_rows(rows, ("sub", "email", "roles", "disabled_at"), as_json=as_json)

    @group.command("show")
    @click.argument("account")
    @json_option
    def show(account: str, as_json: bool) -> None:  # noqa: FBT001 - the same
        """Show one account."""
        print_one(_row(accounts.get(account)), as_json=as_json)

    @group.command("create")
    @click.option("--email", required=True, help="The email address; it counts as verified.")
    @click.option("--name", required=True, help="The name of the user.")
    @click.option("--role", "roles", multiple=True, help="Repeatable; without it the roles of new accounts.")
    @click.password_option(
        help="Prompted for if missing; on a command line other users of the machine can see it."
    )
    @json_option
    def create(email: str, name: str, roles: tuple[str, ...], password: str, as_json: bool) -> None:  # noqa: FBT001 - the same
        """Create an account."""
        made = accounts.create(email, password, name, frozenset(roles))
        print_one(_row(made), as_json=as_json)

    @group.command("disable")
    @click.argument("account")
    def disable(account: str) -> None:
        """Disable an account and end all its sessions."""
        sub = accounts.get(account).sub
        click.echo(f"disabled {sub}; sessions ended: {len(accounts.disable(sub))}")

    @group.command("enable")
    @click.argument("account")
    def enable(account: str) -> None:
        """Enable an account again; its old sessions stay ended."""
        sub = accounts.get(account).sub
        accounts.enable(sub)
        click.echo(f"enabled {sub}")

    @group.command("set-role")
    @click.argument("account")
    @click.argument("roles", nargs=-1, required=True)
    def set_role(account: str, roles: tuple[str, ...]) -> None:
        """Replace the roles of an account with ROLES."""
        sub = accounts.get(account).sub
        accounts.set_roles(sub, frozenset(roles))
        click.echo(f"{sub} is now {' '.join(sorted(set(roles)))}")

    return group


def _row(account: Account) -> dict[str, object]:
    return {
        "sub": account.sub,
        "email": account.email,
        "name": account.name,
        "roles": sorted(account.roles),
        "created_at": moment(account.created_at),
        "email_verified_at": moment(account.email_verified_at),
        "disabled_at": moment(account.disabled_at),
    }
