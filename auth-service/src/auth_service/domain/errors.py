"""The base of all refusals, and those that belong to no feature."""


class AuthError(Exception):
    """Base of every refusal; `str(error)` may be shown to the client."""


class TryLater(AuthError):
    """The request can succeed if it is repeated after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnknownSigningKey(AuthError):
    """No signing key has this key id."""


class NoSigningKey(TryLater):
    """There is no key to sign with."""


class StaleForm(AuthError):
    """The form was not issued to this browser, or has expired."""
