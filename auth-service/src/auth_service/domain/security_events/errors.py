"""Refusals of the event stream endpoints (SSF 1.0 section 8.1)."""

from auth_service.domain.errors import AuthError, TryLater


class UnknownStream(AuthError):
    """The client has no stream with this id."""


class InvalidStream(AuthError):
    """The stream configuration is invalid, or the stream does not support the operation."""


class TooManyStreams(AuthError):
    """The client has reached its limit of streams."""


class TooManyVerifications(TryLater):
    """A verification of this stream was requested too recently (SSF 1.0 section 8.1.4)."""
