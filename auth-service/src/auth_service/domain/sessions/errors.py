"""Refusals about sessions and status lists."""

from auth_service.domain.errors import AuthError, TryLater


class SessionOver(AuthError):
    """The token is valid, but its session has ended, or it has none."""


class UnknownSession(AuthError):
    """No session has this id."""


class UnknownStatusList(AuthError):
    """No status list has this number."""


class StatusListsStale(TryLater):
    """The status lists are stale: the database could not be read in time."""
