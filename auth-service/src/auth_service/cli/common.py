"""What all commands share: the operator's name, output and errors."""

import json
import os
import pwd
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup

from auth_service.domain.errors import AuthError
from auth_service.domain.request_context import RequestOrigin, with_origin

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


class Commands(AppGroup):
    """A group of commands, audited as the operator's; a refusal of the domain is exit status 1.

    A word that begins with `-` and names no option is an argument: one identifier in 64 begins so.
    """

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command."""
        cmd.ignore_unknown_options = True
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command as the operator."""
        try:
            with with_origin(RequestOrigin(operator=operator())):
                return super().invoke(ctx)
        except AuthError as refused:
            raise click.ClickException(str(refused)) from None


def operator() -> str:
    """Return the name of the system's user for the audit log."""
    try:
        return f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's user may have no name
        return f"operator:{os.getuid()}"


def moment(at: float | None) -> str | None:
    """Return a Unix time in RFC 3339, UTC, to the second; None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_rows(rows: Iterable[Mapping[str, object]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print JSON lines, or a table of these columns."""
    rows = list(rows)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    cells = [columns, *(tuple(_text(row.get(name)) for name in columns) for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    for number, line in enumerate(cells):
        shown = (cell.upper() if number == 0 else cell for cell in line)
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(shown, widths, strict=True)).rstrip())


def print_one(row: Mapping[str, object], *, as_json: bool) -> None:
    """Print one record: JSON, or a line for each member."""
    if as_json:
        click.echo(json.dumps(row))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name:<{width}}  {_text(value)}".rstrip())


def _text(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
