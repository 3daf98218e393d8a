"""The form of a mail on its way: plain text, headers that say that a machine wrote it."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid

from auth_service.domain.delivery import DeliveryRefused


def message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """Make the message; raises DeliveryRefused for what cannot be a header, such as an address with a line break."""
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
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice is to answer
    # a transfer encoding that leaves lines whole, so that a link can be copied out of the raw file
    made.set_content(text, cte="7bit" if text.isascii() else "8bit")
    return made
