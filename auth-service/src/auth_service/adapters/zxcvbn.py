"""Which passwords are guessed early: the domain's PasswordJudge, on zxcvbn."""

from zxcvbn_rs_py import zxcvbn

# Characters: the estimate's cost grows with the square, and no password is weak only after them.
LOOKED_AT = 100
# What zxcvbn calls score 2: an attack over the network, slowed down, takes years.
FEWEST_GUESSES = 1_000_000.0


class Zxcvbn:
    """Estimates how many guesses a password takes: common ones, words, names, dates, keyboard rows, and repeats.

    The Rust implementation: the pure Python one takes 0.3 s for a hostile password of 100 characters, this one 0.02 s.
    """

    def weakness(self, password: str, personal: tuple[str, ...]) -> str | None:
        """Say why it is weak; None for one that takes a million guesses or more."""
        known = [part for text in personal for part in (text, *text.replace("@", " ").split())]
        found = zxcvbn(password[:LOOKED_AT], [part[:LOOKED_AT] for part in known])
        if found.guesses >= FEWEST_GUESSES:
            return None
        return "this password is too easy to guess; use several unrelated words"
