"""MIME messages: plain text, with the headers of automatic mail."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid

from auth_service.domain.delivery import DeliveryRefused


def message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """Return the message; raise DeliveryRefused for an invalid header, such as an address with a line break."""
    made = EmailMessage(policy=SMTP)
    try:
        made["From"] = sender
        made["To"] = to
        made["Subject"] = subject
    except (ValueError, IndexError):  # the standard library's parser raises both for odd addresses
        raise DeliveryRefused("the address cannot be used in a mail header") from None
    if len(made["To"].addresses) != 1:
        raise DeliveryRefused("a mail must have exactly one recipient")
    made["Date"] = format_datetime(localtime())
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip("> ") or "localhost")
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies
    # a transfer encoding that keeps lines, so that a link can be copied from the raw file
    made.set_content(text, cte="7bit" if text.isascii() else "8bit")
    return made
