"""The clock, which is always a parameter."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the time in Unix seconds."""
