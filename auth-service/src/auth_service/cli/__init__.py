"""The operators' commands: `flask --app auth_service accounts|audiences|audit|clients|keys|roles|sessions|signals …`."""

from collections.abc import Callable
from pathlib import Path

import click

from auth_service.cli.accounts import account_commands
from auth_service.cli.audit import audit_command
from auth_service.cli.clients import client_commands
from auth_service.cli.keys import keys_commands
from auth_service.cli.registry import audience_commands, role_commands
from auth_service.cli.sessions import session_commands
from auth_service.use_cases.admin.administration import Administration

InstallKey = Callable[[str, Path], None]
EncryptFiles = Callable[[], list[str]]


def commands(
    admin: Administration, install_key: InstallKey, encrypt_files: EncryptFiles
) -> list[click.Command]:
    """Return all commands but those of security events.

    `install_key` stores a client's public key, `encrypt_files` encrypts the signing keys; both raise ValueError with the
    reason if they cannot.
    """
    return [
        account_commands(admin.accounts),
        audience_commands(admin.audiences),
        audit_command(admin.audit),
        client_commands(admin.clients, install_key),
        keys_commands(admin.keys, encrypt_files),
        role_commands(admin.roles),
        session_commands(admin.sessions),
    ]
