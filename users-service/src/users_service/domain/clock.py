"""The clock, which is always a parameter."""

from collections.abc import Callable

Clock = Callable[[], float]
"""A function that returns the time in Unix seconds."""
