"""The registry: which audiences and roles there are, and which scopes each has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from auth_service.domain.oauth.errors import InvalidScope

# Of OpenID Connect Core section 5.4: every account may have them, if requested.
OIDC_SCOPES: Final[Mapping[str, str]] = {
    "openid": "Know who you are (an identifier, no name)",
    "profile": "See your name",
    "email": "See your email address",
}
EVERY: Final = "*"  # in the registration of a client: every audience or scope that there is


@dataclass(frozen=True, slots=True)
class Audience:
    """One resource server: `scopes` with a description of each for users, `client_scopes` for clients' own tokens alone.

    `unverified` are the scopes that an account may have before its address is verified; with None its tokens do not
    name this audience until then.
    """

    name: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    client_scopes: Mapping[str, str] = field(default_factory=dict)
    unverified: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A name for scopes that accounts get together; new accounts have the `default` roles."""

    name: str
    scopes: frozenset[str] = frozenset()
    default: bool = False


@dataclass(frozen=True, slots=True)
class Registry:
    """All audiences and roles, by name."""

    audiences: Mapping[str, Audience] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that roles can give to accounts."""
        return frozenset(scope for audience in self.audiences.values() for scope in audience.scopes)

    @property
    def client_scopes(self) -> frozenset[str]:
        """The scopes of clients' own tokens."""
        alone = (scope for audience in self.audiences.values() for scope in audience.client_scopes)
        return self.scopes.union(alone)

    @property
    def supported(self) -> frozenset[str]:
        """All scopes that a request may name."""
        return self.client_scopes.union(OIDC_SCOPES)

    @property
    def default_roles(self) -> frozenset[str]:
        """The roles of a new account."""
        return frozenset(role.name for role in self.roles.values() if role.default)

    def known(self, scopes: frozenset[str] | None) -> frozenset[str] | None:
        """Return those of the requested scopes that exist, None for None; raise InvalidScope if none does.

        Others are ignored (OpenID Connect Core section 3.1.2.1).
        """
        if scopes is None:
            return None
        known = scopes & self.supported
        if not known:
            raise InvalidScope("none of the requested scopes exists")
        return known

    def scopes_of(self, roles: Iterable[str]) -> frozenset[str]:
        """Return the scopes of an account with these roles, whose address is verified; unknown roles have none."""
        return frozenset().union(*(self.roles[role].scopes for role in roles if role in self.roles))

    def describe(self, scopes: Iterable[str]) -> dict[str, str]:
        """Return a description for users of each of these scopes, in the order of the registry."""
        known = dict(OIDC_SCOPES)
        for audience in self.audiences.values():
            known |= {**audience.scopes, **audience.client_scopes}
        wanted = frozenset(scopes)
        found = {scope: text for scope, text in known.items() if scope in wanted}
        return found | {scope: scope for scope in sorted(wanted - found.keys())}

    def extended(self, audiences: Iterable[Audience], roles: Iterable[Role]) -> "Registry":
        """Return this registry with the rows added at run time, which replace roles but neither audiences nor scopes."""
        all_audiences, taken = dict(self.audiences), self.supported
        for audience in audiences:
            if audience.name not in all_audiences:
                own = {scope: text for scope, text in audience.scopes.items() if scope not in taken}
                all_audiences[audience.name] = Audience(audience.name, own)
        whole = Registry(all_audiences)
        all_roles = dict(self.roles)
        for role in roles:
            default = role.name in self.roles and self.roles[role.name].default
            all_roles[role.name] = Role(role.name, role.scopes & whole.scopes, default)
        return Registry(all_audiences, all_roles)


class RegistryRows(Protocol):
    """Repository of the audiences and roles: those of files, and those that were added at run time."""

    @property
    def fixed(self) -> Registry:
        """The rows of files."""

    def get(self) -> Registry:
        """Return the registry as it is now."""

    def get_locked(self) -> Registry:
        """Return the registry, in which no audience is added or removed until the transaction ends."""

    def get_for_update(self) -> Registry:
        """Return the registry, which no other transaction locks or changes until this one ends."""

    def save_audience(self, audience: Audience, at: float) -> None:
        """Store a new audience."""

    def delete_audience(self, name: str) -> None:
        """Remove an audience that was added at run time."""

    def save_role(self, role: Role, at: float) -> None:
        """Store a role, in place of the row of this name."""

    def delete_role(self, name: str) -> None:
        """Remove a role that was added at run time, or the change of one from a file."""
