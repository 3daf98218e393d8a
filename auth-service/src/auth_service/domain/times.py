"""Time and chance, which are always handed in: a clock and a source of random identifiers."""

import secrets
import uuid
from collections.abc import Callable

Clock = Callable[[], float]
"""Gives the unix time in seconds."""


def new_token() -> str:
    """256 random bits, base64url: too many to guess, and nothing in them to read."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """128 random bits, base64url: for session and token identifiers."""
    return secrets.token_urlsafe(16)


def new_subject() -> str:
    """Make a random UUID, the form of every account's ``sub``."""
    return str(uuid.uuid4())
