"""Refusals of the OAuth and OpenID Connect endpoints (RFC 6749 section 5.2)."""

# ruff: noqa: N818 - the names are those of the error codes

from auth_service.domain.errors import AuthError


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
