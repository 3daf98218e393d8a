"""Mail by SMTP: one connection a mail, with TLS and log-in if configured."""

import smtplib
import ssl
from dataclasses import dataclass, field
from typing import Literal

from auth_service.adapters.mail.mime import message
from auth_service.domain.delivery import DeliveryDelayed, DeliveryRefused

TIMEOUT = 5.0  # seconds for each step of a conversation
PERMANENT = 500
Security = Literal["none", "tls", "starttls"]


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server; `security` is TLS from the first byte (`tls`), STARTTLS before anything else, or `none`."""

    host: str
    port: int
    security: Security = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpMailer:
    """The domain's `Mailer`; the server's certificate is verified, and no password is sent unencrypted."""

    def __init__(
        self, server: SmtpServer, sender: str, *, tls: ssl.SSLContext | None = None, timeout: float = TIMEOUT
    ) -> None:
        if server.user is not None and server.security == "none":
            raise ValueError("a password can only be sent over smtps:// or smtp+starttls://")
        self._server = server
        self._sender = sender
        self._tls = tls or ssl.create_default_context()
        self._timeout = timeout

    def send(self, to: str, subject: str, text: str) -> None:
        """Send the mail; raise DeliveryRefused for a 5xx reply about this mail, DeliveryDelayed for any other failure."""
        made = message(self._sender, to, subject, text)
        try:
            with self._connect() as connection:
                connection.send_message(made)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(next(iter(error.recipients.values()))[0]) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _refusal(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise DeliveryRefused("the mail server does not support what this mail needs") from None
        except (OSError, smtplib.SMTPException) as error:  # OSError includes TLS errors and timeouts
            raise DeliveryDelayed(f"the mail server cannot be used ({type(error).__name__})") from None

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=self._tls
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.security == "starttls":
                connection.starttls(context=self._tls)
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection


def _refusal(code: int) -> DeliveryDelayed | DeliveryRefused:
    if code >= PERMANENT:
        return DeliveryRefused(f"the mail server refused the mail ({code})")
    return DeliveryDelayed(f"the mail server asks to try later ({code})")
