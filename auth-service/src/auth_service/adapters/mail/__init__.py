"""The mailers: SMTP, a folder, or none."""

import os
import re
from email.errors import NonASCIILocalPartDefect, ObsoleteHeaderDefect
from email.policy import SMTP
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from touchstone.text import is_line

from auth_service.adapters.mail.disabled import DisabledMailer
from auth_service.adapters.mail.folder import FolderMailer
from auth_service.adapters.mail.smtp import Security, SmtpMailer, SmtpServer
from auth_service.domain.email import Mailer

_ADDRESS = re.compile(r"""[^\s@"<>()\[\]:;,\\]+@(?!-)[\w-]+(?:\.[\w-]+)*""")
_ALLOWED_DEFECTS = (NonASCIILocalPartDefect, ObsoleteHeaderDefect)  # zoë@…, and a full stop in a name
SCHEMES: dict[str, tuple[int, Security]] = {
    "smtp": (25, "none"),
    "smtps": (465, "tls"),
    "smtp+starttls": (587, "starttls"),
}


def mailer_for(url: str | None, sender: str, password: SecretStr | None) -> Mailer:
    """Return the mailer for MAIL_URL; raise ValueError with the fault, without a secret.

    `file:folder`; `smtp://`, `smtps://` or `smtp+starttls://` with an optional `user@` before the host.
    """
    if url is None:
        return DisabledMailer()
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderMailer(_folder(url), sender)
    return SmtpMailer(_server(url, password), sender)


def check_sender(sender: str) -> None:
    """Raise ValueError unless this is a From header with one address, with or without a name (RFC 5322)."""
    try:
        header = SMTP.header_factory("From", sender)
        defects = [each for each in header.defects if not isinstance(each, _ALLOWED_DEFECTS)]
        (mailbox,) = header.addresses
    except (IndexError, ValueError):  # the standard library's parser raises both for odd addresses
        defects, mailbox = [], None
    if mailbox is None or defects or header.groups[0].display_name or not is_line(sender):
        raise ValueError("must be one address, or a name with one: Name <user@host>")
    if not _ADDRESS.fullmatch(mailbox.addr_spec):
        raise ValueError("must have an address of the form user@host")


def _folder(url: str) -> Path:
    path = unquote(url.removeprefix("file:"))
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise ValueError("must name a folder of this machine: file:folder or file:///folder")
    if not path.strip("/"):
        raise ValueError("must name a folder")
    folder = Path(path)
    if not _can_hold_files(folder):
        raise ValueError("must name a folder that this service can write to or create")
    return folder


def _can_hold_files(folder: Path) -> bool:
    """Return whether the folder, or its nearest existing parent, is a writable folder."""
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
    except OSError:  # no permission for a parent, or a name that is too long
        return False
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _server(url: str, password: SecretStr | None) -> SmtpServer:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("must be smtp://host, smtps://host, smtp+starttls://host or file:folder")
    if parts.password is not None:
        raise ValueError("must not contain a password: MAIL_PASSWORD holds it")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must end with the host and its port")
    if (parts.username is None) != (password is None):
        raise ValueError("must name a user if MAIL_PASSWORD is set, and no user otherwise")
    default, security = SCHEMES[parts.scheme]
    return SmtpServer(
        host=parts.hostname,
        port=port or default,
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=password.get_secret_value() if password else None,
    )
