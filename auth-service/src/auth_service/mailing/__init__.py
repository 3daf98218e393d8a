"""How mail leaves the mint: by SMTP or into a folder, from an outbox that no request waits for."""

from email.utils import parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from auth_service.domain.mail import Mailer
from auth_service.mailing.folder import FolderMailer
from auth_service.mailing.nowhere import Nowhere
from auth_service.mailing.smtp import Security, SmtpMailer, SmtpServer

SCHEMES: dict[str, tuple[int, Security]] = {
    "smtp": (25, "none"),
    "smtps": (465, "tls"),
    "smtp+starttls": (587, "starttls"),
}


def mailer_for(url: str | None, sender: str, password: SecretStr | None) -> Mailer:
    """Give the mailer that a MAIL_URL names; raises ValueError saying what is wrong, never a secret.

    ``file:folder``; ``smtp://``, ``smtps://`` or ``smtp+starttls://`` with an optional ``user@`` before the host.
    """
    if url is None:
        return Nowhere()
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderMailer(_folder(url), sender)
    return SmtpMailer(_server(url, password), sender)


def check_sender(sender: str) -> None:
    """Raise ValueError unless this can stand in a mail's From."""
    _, address = parseaddr(sender)
    user, at, host = address.rpartition("@")
    if not (user and at and host) or not sender.isprintable():
        raise ValueError("must be an address, or a name with one: Name <user@host>")


def _folder(url: str) -> Path:
    path = unquote(url.removeprefix("file:"))
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise ValueError("must name a folder of this machine: file:folder or file:///folder")
    if not path.strip("/"):
        raise ValueError("must name a folder")
    return Path(path)


def _server(url: str, password: SecretStr | None) -> SmtpServer:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("must have a port from 1 to 65535, or none") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("must be smtp://host, smtps://host, smtp+starttls://host or file:folder")
    if parts.password is not None:
        raise ValueError("must not contain a password: MAIL_PASSWORD holds it")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must end with the host and its port")
    if (parts.username is None) != (password is None):
        raise ValueError("names a user if, and only if, MAIL_PASSWORD is set")
    default, security = SCHEMES[parts.scheme]
    return SmtpServer(
        host=parts.hostname,
        port=port or default,
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=password.get_secret_value() if password else None,
    )
