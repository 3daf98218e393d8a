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


class NotWhileYou(AuthError):
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


class UnknownStream(AuthError):
    """The client has no stream with this id."""

    slug = "unknown_stream"


class InvalidStream(AuthError):
    """A stream cannot be as it was asked for, or does not do this."""

    slug = "invalid_stream"


class TooManyStreams(AuthError):
    """The client has as many streams as one may have."""

    slug = "too_many_streams"


class TooManyVerifications(TryLater):
    """A stream was verified a moment ago."""

    slug = "too_many_verifications"


class ListsBehind(TryLater):
    """Nobody has looked at the status lists for so long that what they say is no news any more."""

    slug = "status_unconfirmed"


class OAuthError(AuthError):
    """Base of the refusals that OAuth endpoints give; ``slug`` is the ``error`` code of RFC 6749 section 5.2."""

    slug = "invalid_request"


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed."""


class InvalidClient(OAuthError):
    """The client is unknown, disabled, or did not prove who it is."""

    slug = "invalid_client"


class InvalidGrant(OAuthError):
    """What was presented for a token is unknown, used up, expired or ended."""

    slug = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The client is not registered for this way of getting a token."""

    slug = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    """There is no such grant here."""

    slug = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """A scope is unknown, or more than was granted."""

    slug = "invalid_scope"


class InvalidTarget(OAuthError):
    """An audience is unknown, or not allowed (RFC 8707 section 2)."""

    slug = "invalid_target"


class UnsupportedResponseType(OAuthError):
    """Only ``response_type=code`` is answered."""

    slug = "unsupported_response_type"


class AccessDenied(OAuthError):
    """The person, or what the account may do, said no."""

    slug = "access_denied"


class AuthorizationPending(OAuthError):
    """The person has not answered yet (RFC 8628 section 3.5)."""

    slug = "authorization_pending"


class SlowDown(OAuthError):
    """The device asks too often (RFC 8628 section 3.5)."""

    slug = "slow_down"


class ExpiredToken(OAuthError):
    """The device code has expired (RFC 8628 section 3.5)."""

    slug = "expired_token"


class LoginRequired(OAuthError):
    """``prompt=none``, and nobody is logged in (OpenID Connect Core section 3.1.2.6)."""

    slug = "login_required"


class ConsentRequired(OAuthError):
    """``prompt=none``, and the person has not allowed this yet."""

    slug = "consent_required"


class RequestNotSupported(OAuthError):
    """Request objects by value are not read here."""

    slug = "request_not_supported"


class RequestUriNotSupported(OAuthError):
    """Request objects by reference are not read here."""

    slug = "request_uri_not_supported"


class RegistrationNotSupported(OAuthError):
    """Clients do not register themselves within a request."""

    slug = "registration_not_supported"


class Unanswerable(AuthError):
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
