"""Delivery with retries: how an attempt ends, and when the next one follows."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 1.0, 60.0


class DeliveryRefused(Exception):  # noqa: N818 - named for what happened
    """The receiver will never accept it; `str(error)` is safe to log."""


class DeliveryDelayed(Exception):  # noqa: N818 - named for what happened
    """It was not delivered now, and a later attempt may succeed; `str(error)` is safe to log."""


class Outcome(StrEnum):
    """How an attempt ended; only DELAYED is followed by another."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    DELAYED = "delayed"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome, the reason for the log, and the seconds until the next attempt."""

    outcome: Outcome
    reason: str | None = None
    delay: float = 0.0


def retry_delay(attempts: int, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after this many attempts: doubled each time, bounded, and half of them random."""
    longest = min(FIRST_DELAY_SECONDS * 2.0 ** min(attempts - 1, 10), MAX_DELAY_SECONDS)
    return longest * (0.5 + chance() / 2)


def attempt(
    send: Callable[[], object],
    attempts: int,
    remaining: float,
    delay: Callable[[int], float] = retry_delay,
) -> Attempt:
    """Call `send` for the `attempts`-th time; give up if the next attempt would be after `remaining` seconds."""
    try:
        send()
    except DeliveryRefused as refused:
        return Attempt(Outcome.REFUSED, str(refused))
    except DeliveryDelayed as delayed:
        seconds = delay(attempts)
        if seconds >= remaining:
            return Attempt(Outcome.GIVEN_UP, str(delayed))
        return Attempt(Outcome.DELAYED, str(delayed), seconds)
    return Attempt(Outcome.DELIVERED)
