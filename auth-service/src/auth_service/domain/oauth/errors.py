"""Refusals of the OAuth and OpenID Connect endpoints (RFC 6749 section 5.2)."""

from typing import ClassVar

from auth_service.domain.errors import AuthError, TryLater


class OAuthError(AuthError):
    """Base of OAuth error responses; `slug` is the `error` code (RFC 6749 section 5.2)."""

    slug: ClassVar[str] = "invalid_request"


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed."""


class InvalidClient(OAuthError):
    """The client is unknown or disabled, or failed to authenticate."""

    slug = "invalid_client"


class InvalidGrant(OAuthError):
    """The code, refresh token or password is unknown, used, expired or revoked."""

    slug = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The client is not registered for this grant."""

    slug = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    """This grant type is not supported."""

    slug = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """A scope is unknown or was not granted."""

    slug = "invalid_scope"


class InvalidTarget(OAuthError):
    """An audience is unknown or not allowed (RFC 8707 section 2)."""

    slug = "invalid_target"


class UnsupportedResponseType(OAuthError):
    """Only `response_type=code` is supported."""

    slug = "unsupported_response_type"


class AccessDenied(OAuthError):
    """The user denied the request, or their account allows none of it."""

    slug = "access_denied"


class AuthorizationPending(OAuthError):
    """The user has not answered yet (RFC 8628 section 3.5)."""

    slug = "authorization_pending"


class SlowDown(OAuthError):
    """The device polls too often (RFC 8628 section 3.5)."""

    slug = "slow_down"


class ExpiredToken(OAuthError):
    """The device code has expired (RFC 8628 section 3.5)."""

    slug = "expired_token"


class LoginRequired(OAuthError):
    """`prompt=none`, and the user is not logged in (OpenID Connect Core section 3.1.2.6)."""

    slug = "login_required"


class ConsentRequired(OAuthError):
    """`prompt=none`, and the user has not consented (OpenID Connect Core section 3.1.2.6)."""

    slug = "consent_required"


class RequestNotSupported(OAuthError):
    """Request objects by value are not supported (OpenID Connect Core section 6.1)."""

    slug = "request_not_supported"


class RequestUriNotSupported(OAuthError):
    """Request objects by reference are not supported (OpenID Connect Core section 6.2)."""

    slug = "request_uri_not_supported"


class RegistrationNotSupported(OAuthError):
    """The `registration` parameter is not supported (OpenID Connect Core section 7.2.1)."""

    slug = "registration_not_supported"


class InvalidAuthorizationRequest(AuthError):
    """The client or redirect address is invalid: the browser gets an error page and is not redirected.

    `str(error)` is for the user; `detail`, if there is one, is for the developer of the application.
    """

    def __init__(self, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class UnknownClient(AuthError):
    """No client has this id."""


class InvalidRegistration(AuthError):
    """A row of the registry is invalid: `faults` lists everything that is wrong with it."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class InvalidClientMetadata(InvalidRegistration):
    """A client registration is invalid."""


class UnknownRow(AuthError):
    """The registry has no audience, or no role, of this name."""


class RowInUse(AuthError):
    """An audience, role or client is used, or defined in a file, and so cannot be removed or replaced."""


class UnknownUserCode(AuthError):
    """No pending device authorization has this user code."""


class TooManyTries(TryLater):
    """Too many wrong user codes (RFC 8628 section 5.1)."""


class InvalidToken(AuthError):
    """The access token is invalid, expired or revoked (RFC 6750 section 3.1)."""


class MissingScope(AuthError):
    """The access token lacks a scope, which `str(error)` names (RFC 6750 section 3.1)."""
