"""Refusals of the event stream endpoints (SSF 1.0 section 8.1)."""

# ruff: noqa: N818 - the names are those of the error codes

from auth_service.domain.errors import AuthError, TryLater


class UnknownStream(AuthError):
    """The client has no stream with this id."""


class InvalidStream(AuthError):
    """A stream cannot be as it was asked for, or does not do this."""


class TooManyStreams(AuthError):
    """The client has as many streams as one may have."""


class TooManyVerifications(TryLater):
    """A stream was verified a moment ago."""
