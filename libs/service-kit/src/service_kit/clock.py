"""The clock as a parameter: seconds since the epoch, from whoever is asked to tell the time."""

from collections.abc import Callable

Clock = Callable[[], float]
