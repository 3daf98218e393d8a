"""The mails that the mint sends. Nothing that a stranger typed is in one but the address that it goes to."""

from auth_service.domain.email import Email

_FOOT = "\n\n-- \nThis mail was written by a machine at {issuer}\n"


def magic_link(  # noqa: PLR0913 (the last two by name)
    issuer: str, to: str, token: str, code: str, *, minutes: int, until: float
) -> Email:
    """Carry a link and a code that log in, where both were asked for."""
    link = f"{issuer}/magic-links/redeem?token={token}"
    text = (
        f"Somebody, you we hope, asked to log in with this address.\n\n"
        f"Open this link in the browser in which you asked:\n\n{link}\n\n"
        f"or type this code there:\n\n{code}\n\n"
        f"Either works once, within {minutes} minutes, and only where it was asked for.\n"
        f"If it was not you, there is nothing to do: nobody else can use them."
    )
    return Email("magic_link", to, "Your log-in link", text + _foot(issuer), until, link)


def verification(issuer: str, to: str, token: str, *, hours: int, until: float) -> Email:
    """Carry the link that verifies the address of an account."""
    link = f"{issuer}/account/verification?token={token}"
    text = (
        f"An account was opened with this address. To confirm that it is yours, open\n\n{link}\n\n"
        f"within {hours} hours.\n"
        f"If you did not open an account, do NOT confirm it: whoever did chose its password.\n"
        f"Without your word the account is good for nothing."
    )
    return Email("verification", to, "Please confirm your address", text + _foot(issuer), until, link)


def already_here(issuer: str, to: str, *, until: float) -> Email:
    """Tell the owner of an account that somebody tried to open another one with the same address."""
    text = (
        "Somebody, you perhaps, tried to open an account with this address. There is one already, and nothing\n"
        "was changed. If it was you: log in, or ask for a new password, if you have forgotten yours.\n"
        "If it was not you, there is nothing to do."
    )
    return Email("already_here", to, "You have an account already", text + _foot(issuer), until)


def password_reset(issuer: str, to: str, token: str, *, minutes: int, until: float) -> Email:
    """Carry the link that lets a new password be chosen."""
    link = f"{issuer}/password-resets/redeem?token={token}"
    text = (
        f"Somebody, you we hope, asked for a new password for this address. Choose one at\n\n{link}\n\n"
        f"within {minutes} minutes; the link works once, and choosing a new password logs out everywhere.\n"
        f"If it was not you, there is nothing to do: your password stays as it is."
    )
    return Email("password_reset", to, "Choose a new password", text + _foot(issuer), until, link)


def _foot(issuer: str) -> str:
    return _FOOT.format(issuer=issuer)
