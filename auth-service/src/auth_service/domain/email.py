"""Mail: what is sent to people, and the ports through which it goes."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Email:
    """One mail to one person; a `repr` shows neither address nor text.

    `kind` names it in logs; after `until` (unix seconds) it is of no use any more. `link` is the one in its text.
    """

    kind: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    until: float
    link: str | None = field(default=None, repr=False)


class MailDelayed(Exception):  # noqa: N818 - named for what happened
    """It could not be handed over now; trying again later makes sense. The message names no address."""


class MailRefused(Exception):  # noqa: N818 - likewise
    """It will never be taken: an address that cannot be, a recipient that does not exist. No address in the message."""


class Mailer(Protocol):
    """Hands mail over to whoever delivers it."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Return once it is safe with somebody else; raise MailDelayed or MailRefused."""


class Outbox(Protocol):
    """Takes letters while a request waits, and sees them off after it."""

    def post(self, letter: Email | None) -> None:
        """Take a letter, or None to do the same work for none; never waits. Raise MailBusy when full, for both."""
