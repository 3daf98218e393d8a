"""Refusals of the event stream endpoints (SSF 1.0 section 8.1)."""

# ruff: noqa: N818 - the names are those of the error codes

from auth_service.domain.errors import AuthError, TryLater


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
