"""The clock, which every use case gets as a parameter."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the unix time in seconds."""
