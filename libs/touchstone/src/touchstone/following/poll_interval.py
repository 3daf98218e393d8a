"""Owns how long a follower pauses before it asks again; all in seconds."""

from __future__ import annotations

from touchstone.following.fetch import Answer

AT_ONCE, SOON = 0.05, 1.0  # breath between two waits; the same where the server may not have waited
_SHORTEST, _LONGEST = 1.0, 3600.0  # bounds of the interval that a server may ask for
_NOTICEABLE = 0.3  # a change that took this long was perhaps waited for
_BACKOFF, _BACKOFF_CAP = 0.25, 4.0
_FIRST_CAP = 1.0  # while there has been no value, and nothing can be served


def after_answer(answer: Answer, *, changed: bool, eager: bool, interval: float, jitter: float) -> float:
    """Return the pause after a good answer; `eager`: the server waits, or it is too early to say that it does not.

    It is next to none where the server waits, and between nine tenths and all of the interval elsewhere.
    """
    if answer.held or (changed and (eager or answer.took >= _NOTICEABLE)):
        return AT_ONCE
    if eager or changed:
        return SOON
    return min(max(interval, _SHORTEST), _LONGEST) * (0.9 + 0.1 * jitter)


def after_failure(failures: int, *, served: bool, jitter: float) -> float:
    """Return the pause after so many failures in a row: ever longer, but seconds at most; `served`: there is a value."""
    cap = _BACKOFF_CAP if served else _FIRST_CAP
    return min(cap, _BACKOFF * 2.0 ** min(failures, 10)) * (0.5 + 0.5 * jitter)
