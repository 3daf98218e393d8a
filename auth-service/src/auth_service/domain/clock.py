"""Time and chance, which are always handed in: a clock and a source of random identifiers."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Gives the unix time in seconds."""
