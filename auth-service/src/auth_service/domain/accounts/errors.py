"""Refusals about accounts, passwords and mailed links."""

from auth_service.domain.errors import AuthError, TryLater


class InvalidEmail(AuthError):
    """The text is not an email address."""


class InvalidName(AuthError):
    """The name is empty, too long, or has unprintable characters; or a role has no such name."""


class InvalidPassword(AuthError):
    """The new password breaks a rule for passwords."""


class BadCredentials(AuthError):
    """Address and password do not open an account; the message never tells why."""


class WrongPassword(AuthError):
    """The current password, given to change it, is wrong."""


class BadLink(AuthError):
    """A mailed link or code is unknown, used, expired or bound elsewhere; the message never tells which."""


class BindingMissing(AuthError):
    """A log-in link or code came without the binding of the browser that requested it."""


class UnknownAccount(AuthError):
    """No account has this subject."""


class OwnAccount(AuthError):
    """An administrator cannot disable their own account."""


class AddressTaken(AuthError):
    """Another account has this address; only administrators see this."""


class TooBusy(TryLater):
    """Too many passwords are being hashed at once."""


class SlowedDown(TryLater):
    """After too many failed log-ins the next one has to wait."""


class MailBusy(TryLater):
    """The mail queue is full."""
