"""TODO."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from users_service.domain.account_name import AccountNames
from users_service.domain.errors import NotAllowed, ProfileNotFound
from users_service.domain.profile import READ_ALL, READ_OWN, Changes, Profile, Profiles, is_subject


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as these rules care."""

    sub: str
    token: str = field(repr=False)
    reads_own: bool
    reads_all: bool = False


class Users:
    """What can be done with profiles: the rules, over any storage and any clock."""

    def __init__(self, profiles: Profiles, names: AccountNames, now: Callable[[], float]) -> None:
        self._profiles = profiles
        self._names = names
        self._now = now

    def mine(self, caller: Caller) -> Profile:
        """Return the caller's own profile, made at first sight with the account's name, or named as soon as that can be had."""
        return self._named(caller, self._profiles.first_sight(caller.sub, self._time()))

    def change_mine(self, caller: Caller, changes: Changes) -> Profile:
        """Change the caller's own profile, made at first sight; no change at all keeps ``updated_at``."""
        if not changes:
            return self.mine(caller)
        return self._named(caller, self._profiles.change(caller.sub, changes, self._time()))

    def see(self, caller: Caller, sub: str) -> Profile:
        """Return the profile of ``sub``, the caller's own one made at first sight.

        Raises ``NotAllowed`` for everybody else's profile, there or not, unless the caller reads all;
        ``ProfileNotFound`` if there is none.
        """
        own = caller.sub == sub
        if own and caller.reads_own:
            return self.mine(caller)
        if not caller.reads_all:
            raise NotAllowed(READ_OWN if own else READ_ALL)
        found = self._profiles.find(sub) if is_subject(sub) else None
        if found is None:
            raise ProfileNotFound
        return found

    def page(self, after: str | None, limit: int) -> tuple[Sequence[Profile], str | None]:
        """Return one page and the ``sub`` to go on after, None at the end.

        A profile that exists during the whole walk is seen exactly once, whatever is added meanwhile.
        """
        found = self._profiles.page(after, limit + 1)
        page = found[:limit]
        return page, page[-1].sub if len(found) > limit else None

    def _named(self, caller: Caller, profile: Profile) -> Profile:
        if profile.name_known or not caller.reads_own:
            return profile
        name = self._names.fetch(caller.sub, caller.token)
        return profile if name is None else self._profiles.copy_name(caller.sub, name)

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
