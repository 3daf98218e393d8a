"""Everything the domain can refuse: one tree, one base, a stable slug on each class."""

# ruff: noqa: N818 (each is named for what went wrong, as the domain speaks of it)

from typing import ClassVar


class AuthError(Exception):
    """The base of all of them; ``str(error)`` is safe to show to whoever asked."""

    slug: ClassVar[str] = "auth_error"


class InvalidEmail(AuthError):
    """The address is none that mail could be sent to."""

    slug = "invalid_email"


class InvalidName(AuthError):
    """The name is empty, too long, or holds characters that cannot be printed."""

    slug = "invalid_name"


class InvalidPassword(AuthError):
    """The new password breaks a rule for passwords."""

    slug = "invalid_password"


class BadCredentials(AuthError):
    """Address and password do not open an account; which of the two, or why, is never said."""

    slug = "bad_credentials"


class WrongPassword(AuthError):
    """Someone who is logged in gave a current password that is not theirs."""

    slug = "wrong_password"


class BadLink(AuthError):
    """A mailed link or code opens nothing: unknown, used, expired, or asked for elsewhere; which is never said."""

    slug = "bad_link"


class BindingMissing(AuthError):
    """A log-in link or code came without what binds it to where it was asked for."""

    slug = "binding_missing"


class SessionOver(AuthError):
    """The token was good, but the log-in session behind it has ended, or there never was one."""

    slug = "session_over"


class UnknownKey(AuthError):
    """No signing key has this key id."""

    slug = "unknown_key"


class UnknownAccount(AuthError):
    """No account has this subject."""

    slug = "unknown_account"


class UnknownSession(AuthError):
    """No log-in session has this id."""

    slug = "unknown_session"


class UnknownStatusList(AuthError):
    """There is no status list of this number."""

    slug = "unknown_status_list"


class UnknownUserCode(AuthError):
    """No device waits under this code."""

    slug = "unknown_user_code"


class UnknownClient(AuthError):
    """No client has this id."""

    slug = "unknown_client"


class OwnAccount(AuthError):
    """Somebody who administers would shut themselves out."""

    slug = "own_account"


class AddressTaken(AuthError):
    """There is an account with this address: said to administrators alone."""

    slug = "address_taken"


class ClientFault(AuthError):
    """A client cannot be registered so: ``faults`` names everything that is wrong with it."""

    slug = "invalid_client_definition"

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class TryLater(AuthError):
    """Neither yes nor no for now.

    ``retry_after`` says in how many seconds asking again makes sense.
    """

    slug = "try_later"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooBusy(TryLater):
    """All places where passwords are hashed stayed taken for as long as we are willing to wait."""

    slug = "too_busy"


class SlowedDown(TryLater):
    """There were so many failed log-ins that the next one has to wait."""

    slug = "slowed_down"


class MailBusy(TryLater):
    """So much mail waits to be sent that no more is taken."""

    slug = "mail_busy"


class TooManyTries(TryLater):
    """Somebody guesses."""

    slug = "too_many_tries"


class NoSigningKey(TryLater):
    """No key is there to sign with."""

    slug = "no_signing_key"


class StatusListsStale(TryLater):
    """Nobody has looked at the status lists for so long that what they say is no news any more."""

    slug = "status_unconfirmed"


class InvalidAuthorizationRequest(AuthError):
    """A request whose client or address is not good: the person at the browser is told, and sent nowhere."""

    slug = "unanswerable_request"


class StaleForm(AuthError):
    """A form was sent that we did not give to this browser, or too long ago."""

    slug = "stale_form"


class InvalidToken(AuthError):
    """An access token that is none of ours, or stands no more."""

    slug = "invalid_token"


class MissingScope(AuthError):
    """The token stands, but lacks a scope that this needs: ``str(error)`` names it."""

    slug = "insufficient_scope"
