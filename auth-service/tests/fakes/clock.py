"""The time at which the clock of each test starts."""

START = 1_800_000_000
