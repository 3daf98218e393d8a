"""What can go wrong with a profile; the web layer alone knows which HTTP status that is."""
# ruff: noqa: N818 - each is named for what is the case


class UsersError(Exception):
    """Base of every error of this service. ``str(error)`` is safe to show to the caller."""


class InvalidProfile(UsersError):
    """A member of the profile breaks a rule; the message names the member and the rule."""


class ProfileNotFound(UsersError):
    """There is no such profile."""

    def __init__(self) -> None:
        super().__init__("There is no such profile.")


class NotAllowed(UsersError):
    """The caller's token does not reach to this profile; ``required`` is the scope that would."""

    def __init__(self, required: str) -> None:
        super().__init__(f"This takes the scope {required}.")
        self.required = required


class StorageUnavailable(UsersError):
    """The database does not answer; nothing was changed. ``retry_after`` is in seconds."""

    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The database does not answer at the moment.")
