"""How long a follower pauses between two fetches; all times in seconds."""

from __future__ import annotations

from touchstone.following.fetch import Response

AFTER_HELD = 0.05  # between two fetches that the server holds
_AFTER_CHANGE = 1.0  # also where the server may not have waited
_SHORTEST, _LONGEST = 1.0, 3600.0  # bounds of the interval that a server may ask for
_NOTICEABLE = 0.3  # a change that took this long was perhaps waited for
_BACKOFF, _BACKOFF_CAP = 0.25, 4.0
_FIRST_CAP = 1.0  # while there has been no value, and every request is refused


def after_response(
    response: Response, *, changed: bool, may_wait: bool, interval: float, jitter: float
) -> float:
    """Return the pause after a good response; `may_wait`: the server waits for changes, or this is not yet known.

    It is next to none where the server waits, and between nine tenths and all of the interval elsewhere.
    """
    if response.held or (changed and (may_wait or response.seconds >= _NOTICEABLE)):
        return AFTER_HELD
    if may_wait or changed:
        return _AFTER_CHANGE
    return min(max(interval, _SHORTEST), _LONGEST) * (0.9 + 0.1 * jitter)


def after_failure(failures: int, *, has_value: bool, jitter: float) -> float:
    """Return the pause after that many failures in a row: exponential backoff of at most 4 s (1 s without a value)."""
    cap = _BACKOFF_CAP if has_value else _FIRST_CAP
    return min(cap, _BACKOFF * 2.0 ** min(failures, 10)) * (0.5 + 0.5 * jitter)
