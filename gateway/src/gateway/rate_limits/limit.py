"""A rate limit, what a request counts in, and the state of a window."""

from dataclasses import dataclass
from typing import TypeAlias

from limits import parse


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """At most `amount` requests in any `period` seconds; `name` is that of the policy in headers."""

    name: str
    amount: int
    period: int

    @classmethod
    def of(cls, name: str, rate: str) -> "Limit":
        """Return the limit of a rate such as `120/minute`."""
        item = parse(rate)
        return cls(name, item.amount, item.get_expiry())


# Plain tuples: they are made for every request.
# One request counts in the window of this key.
Count: TypeAlias = tuple[Limit, str]
# The number of requests in the window, and the seconds until the oldest leaves it.
Window: TypeAlias = tuple[Limit, int, float]
# Whether no window was full, and their state; if one was, the request counts in none of them.
Verdict: TypeAlias = tuple[bool, list[Window]]
