"""Weak passwords: the domain's `PasswordStrength`, with zxcvbn."""

from zxcvbn_rs_py import zxcvbn

# Characters: the cost of the estimate grows with their square, and longer passwords are strong enough.
MAX_LENGTH = 100
# zxcvbn's score 2: a throttled attack over the network takes years.
MIN_GUESSES = 1_000_000.0


def weakness(password: str, personal: tuple[str, ...]) -> str | None:
    """Return why a password is weak, None if zxcvbn takes a million guesses or more.

    It tries common passwords, words, names, dates, keyboard rows and repeats. This is the Rust implementation: the pure
    Python one takes 0.3 s for a hostile password of 100 characters, this one 0.02 s.
    """
    known = [part for text in personal for part in (text, *text.replace("@", " ").split())]
    found = zxcvbn(password[:MAX_LENGTH], [part[:MAX_LENGTH] for part in known])
    if found.guesses >= MIN_GUESSES:
        return None
    return "this password is too easy to guess; use several unrelated words"
