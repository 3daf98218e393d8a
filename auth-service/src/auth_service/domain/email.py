"""E-mails, and the ports through which they are sent."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Email:
    """One mail to one address; a `repr` shows neither address nor text.

    `kind` names it in logs; it is not sent after `until` (Unix seconds). `link` and `code` are those in its text.
    """

    kind: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    until: float
    link: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)


class Mailer(Protocol):
    """Delivers mails to a mail server."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Return once the server is responsible for the mail; raise DeliveryDelayed or DeliveryRefused, naming no address."""


class Outbox(Protocol):
    """A queue of mails, delivered after the request."""

    def post(self, mail: Email | None) -> None:
        """Queue a mail, or do the same work for None, without waiting; raise MailBusy if the queue is full."""
