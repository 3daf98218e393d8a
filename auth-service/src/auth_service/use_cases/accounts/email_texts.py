"""Subjects and texts of the mails that auth-service sends.

A mail contains nothing that the sender of the request typed, except the address that it goes to.
"""

from auth_service.domain.email import Email

_FOOTER = "\n\n-- \nThis is an automated mail from {issuer}\n"


def magic_link(  # noqa: PLR0913 - the last two by name
    issuer: str, to: str, token: str, code: str, *, minutes: int, until: float
) -> Email:
    """Return the mail with a log-in link and a log-in code."""
    link = f"{issuer}/magic-links/redeem?token={token}"
    text = (
        f"Someone asked to log in with this email address.\n\n"
        f"If it was you, open this link in the browser in which you asked for it:\n\n{link}\n\n"
        f"or enter this code there:\n\n{code}\n\n"
        f"The link and the code expire in {minutes} minutes. Only one of them can be used, and only once.\n"
        f"If it was not you, ignore this mail: the link works only in the browser that asked for it."
    )
    return Email("magic_link", to, "Your log-in link", text + _footer(issuer), until, link, code)


def verification(issuer: str, to: str, token: str, *, hours: int, until: float) -> Email:
    """Return the mail with the link that verifies an account's address."""
    link = f"{issuer}/account/verification?token={token}"
    text = (
        f"An account was created with this email address. To confirm that the address is yours, open\n\n{link}\n\n"
        f"The link expires in {hours} hours.\n"
        f"Until you confirm the address, you can only view and edit your own profile.\n"
        f"If you did not create the account, do NOT confirm it: someone else chose its password."
    )
    return Email("verification", to, "Confirm your email address", text + _footer(issuer), until, link)


def already_here(issuer: str, to: str, *, until: float) -> Email:
    """Return the mail to an account's owner after another registration with the same address."""
    text = (
        "Someone tried to create an account with this email address. You already have an account, and it was\n"
        "not changed. If it was you, log in, or ask for a new password if you have forgotten yours.\n"
        "If it was not you, ignore this mail."
    )
    return Email("already_here", to, "You already have an account", text + _footer(issuer), until)


def password_reset(issuer: str, to: str, token: str, *, minutes: int, until: float) -> Email:
    """Return the mail with the link to choose a new password."""
    link = f"{issuer}/password-resets/redeem?token={token}"
    text = (
        f"Someone asked to reset the password for this email address. To choose a new password, open\n\n{link}\n\n"
        f"The link expires in {minutes} minutes and can be used once. A new password logs you out everywhere.\n"
        f"If it was not you, ignore this mail: your password is unchanged."
    )
    return Email("password_reset", to, "Reset your password", text + _footer(issuer), until, link)


def _footer(issuer: str) -> str:
    return _FOOTER.format(issuer=issuer)
