"""What the service does, one class an endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from users_service.domain.account_name import AccountNames
from users_service.domain.clock import Clock
from users_service.domain.errors import MissingScope, ProfileNotFound
from users_service.domain.profile import Profile, Profiles, ProfileUpdate, is_subject

READ_OWN: Final = "profile:read"
WRITE_OWN: Final = "profile:write"
READ_ALL: Final = "users:read"


@dataclass(frozen=True, slots=True)
class Caller:
    """The token of a request: its subject, the token itself, and what its scopes allow."""

    sub: str
    token: str = field(repr=False)
    reads_own: bool
    reads_all: bool = False


@dataclass(frozen=True, slots=True)
class CopyAccountName:
    """Copies the name of the caller's account to the profile, as soon as auth-service returns it."""

    profiles: Profiles
    names: AccountNames

    def __call__(self, caller: Caller, profile: Profile) -> Profile:
        """Return the profile, with a name if one is available and the caller may read it."""
        if profile.name_known or not caller.reads_own:
            return profile
        name = self.names.get(caller.sub, caller.token)
        return profile if name is None else self.profiles.copy_name(caller.sub, name)


@dataclass(frozen=True, slots=True)
class ReadOwnProfile:
    """`GET /users/me`."""

    profiles: Profiles
    copy_name: CopyAccountName
    now: Clock

    def __call__(self, caller: Caller) -> Profile:
        """Return the caller's own profile, created if missing."""
        return self.copy_name(caller, self.profiles.get_or_create(caller.sub, self.now()))


@dataclass(frozen=True, slots=True)
class UpdateOwnProfile:
    """`PATCH /users/me`."""

    profiles: Profiles
    copy_name: CopyAccountName
    now: Clock

    def __call__(self, caller: Caller, update: ProfileUpdate) -> Profile:
        """Change the caller's own profile, created if missing; an empty update keeps `updated_at`."""
        if update:
            profile = self.profiles.update(caller.sub, update, self.now())
        else:
            profile = self.profiles.get_or_create(caller.sub, self.now())
        return self.copy_name(caller, profile)


@dataclass(frozen=True, slots=True)
class ReadProfile:
    """`GET /users/{sub}`."""

    profiles: Profiles
    read_own: ReadOwnProfile

    def __call__(self, caller: Caller, sub: str) -> Profile:
        """Return the profile of `sub`; the caller's own is created if missing.

        Raise `MissingScope` for another's profile, existing or not, unless the caller reads all; `ProfileNotFound`.
        """
        own = caller.sub == sub
        if own and caller.reads_own:
            return self.read_own(caller)
        if not caller.reads_all:
            raise MissingScope(READ_OWN if own else READ_ALL)
        found = self.profiles.get(sub) if is_subject(sub) else None
        if found is None:
            raise ProfileNotFound
        return found


@dataclass(frozen=True, slots=True)
class ListProfiles:
    """`GET /users`."""

    profiles: Profiles

    def __call__(self, after: str | None, limit: int) -> tuple[Sequence[Profile], str | None]:
        """Return one page, and the `sub` that the next one starts after, None on the last page.

        A profile that exists during a whole walk through the pages is returned once, whatever is added meanwhile.
        """
        found = self.profiles.list_page(after, limit + 1)
        page = found[:limit]
        return page, page[-1].sub if len(found) > limit else None


@dataclass(frozen=True, slots=True)
class UseCases:
    """All use cases, for the routes."""

    read_own_profile: ReadOwnProfile
    update_own_profile: UpdateOwnProfile
    read_profile: ReadProfile
    list_profiles: ListProfiles

    @classmethod
    def of(cls, profiles: Profiles, names: AccountNames, now: Clock) -> Self:
        """Return the use cases over these ports."""
        copy_name = CopyAccountName(profiles, names)
        read_own = ReadOwnProfile(profiles, copy_name, now)
        return cls(
            read_own,
            UpdateOwnProfile(profiles, copy_name, now),
            ReadProfile(profiles, read_own),
            ListProfiles(profiles),
        )
