"""Words for people: what scopes mean, in the order in which they are read out, and how long to wait."""

SCOPES = {
    "openid": "Know who you are (an identifier, no name)",
    "profile": "See your name",
    "email": "See your email address",
    "profile:read": "See your profile and shipping address",
    "profile:write": "Change your profile and shipping address",
    "orders:read": "See your orders",
    "orders:write": "Place and cancel orders for you",
    "users:read": "See the profiles of all users",
    "admin": "Administer accounts, sessions and keys",
}


def in_time(seconds: int) -> str:
    """Return a wait in words: in seconds up to two minutes, beyond that in minutes, rounded up."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes
        return f"in {seconds} second{'' if seconds == 1 else 's'}"
    return f"in {-(-seconds // 60)} minutes"
