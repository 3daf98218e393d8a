"""What can go wrong with a profile; `web/errors.py` has the HTTP status of each."""


class UsersError(Exception):
    """Base of every error of this service. `str(error)` is safe to show to the caller."""


class InvalidProfile(UsersError):
    """A member of the profile breaks a rule; the message names the member and the rule."""


class ProfileNotFound(UsersError):
    """There is no such profile."""

    def __init__(self) -> None:
        super().__init__("There is no such profile.")


class MissingScope(UsersError):
    """The caller's token lacks the scope `required`."""

    def __init__(self, required: str) -> None:
        super().__init__(f"The access token lacks the scope {required}.")
        self.required = required


class StorageUnavailable(UsersError):
    """The database does not answer; nothing was changed. `retry_after` is in seconds."""

    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The database did not answer. Nothing was changed; try again later.")
