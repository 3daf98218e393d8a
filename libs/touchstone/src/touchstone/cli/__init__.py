"""The command `touchstone`."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from collections.abc import Sequence

from touchstone.cli import authz


class _Parser(ArgumentParser):
    """Reads the arguments of a file (`@FILE`) as a shell does, with comments."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """Return the words of a line."""
        return shlex.split(arg_line, comments=True)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command that these words, by default the process's own, name; SystemExit for a wrong use."""
    parser = _Parser(prog="touchstone", description="Verify access tokens locally, with revocation.")
    authz.add_command(parser.add_subparsers(required=True, metavar="COMMAND"))
    arguments = parser.parse_args(words)
    arguments.run(arguments)
