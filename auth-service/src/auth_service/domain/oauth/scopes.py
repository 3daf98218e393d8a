"""Scopes and audiences, and who may get which. Every function narrows, none widens."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.errors import InvalidScope, InvalidTarget
from auth_service.domain.oauth.registry import OIDC_SCOPES, Registry

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class Grant:
    """The scopes and audiences that a token, or all tokens of a session, may carry at most."""

    scopes: frozenset[str]
    audiences: tuple[str, ...]


def parse_scope(scope: str | None) -> frozenset[str] | None:
    """Return the names in a `scope` parameter (RFC 6749 section 3.3), or None if it is absent or blank.

    Raise InvalidScope if a name has invalid characters. `Registry.known` says which names exist.
    """
    names = (scope or "").split()
    if not names:
        return None
    if not all(_SCOPE.fullmatch(name) for name in names):
        raise InvalidScope("a scope must be printable ASCII without quotes and backslashes")
    return frozenset(names)


def narrow_scopes(wanted: frozenset[str] | None, allowed: frozenset[str]) -> frozenset[str]:
    """Return the wanted scopes, or all allowed ones for None; raise InvalidScope for another one, or if none is left."""
    if wanted is not None and not wanted <= allowed:
        raise InvalidScope(f"scopes not granted: {' '.join(sorted(wanted - allowed))}")
    granted = allowed if wanted is None else wanted
    if not granted:
        raise InvalidScope("none of the requested scopes can be granted")
    return granted


def narrow_audiences(wanted: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the wanted audiences, or all allowed ones for none; raise InvalidTarget for another, or if none is left."""
    names, allowed = frozenset(wanted), frozenset(allowed)
    if not names <= allowed:
        raise InvalidTarget("a requested audience is unknown or not allowed")
    if not allowed:
        raise InvalidTarget("no audience can be granted")
    return tuple(sorted(names or allowed))


def grant_for_account(
    registry: Registry,
    account: Account,
    client: Client,
    scope: frozenset[str] | None,
    audiences: Iterable[str],
) -> Grant:
    """Return what an account gets through a client, within what either may have; raise InvalidScope or InvalidTarget.

    It bounds a session; `limit_if_unverified` bounds its present tokens, and must leave something.
    """
    allowed = client.scopes & registry.scopes_of(account.roles).union(OIDC_SCOPES)
    grant = Grant(
        scopes=narrow_scopes(
            registry.known(scope), allowed if scope is not None else allowed - OIDC_SCOPES.keys()
        ),
        audiences=narrow_audiences(audiences, client.audiences),
    )
    limit_if_unverified(registry, account, grant)
    return grant


def limit_if_unverified(registry: Registry, account: Account, grant: Grant) -> Grant:
    """Return the grant, until the address is verified what the registry allows; raise InvalidScope or InvalidTarget."""
    if account.email_verified_at is not None:
        return grant
    open_to_all = {
        name: each.unverified for name, each in registry.audiences.items() if each.unverified is not None
    }
    scopes = frozenset(OIDC_SCOPES).union(*open_to_all.values())
    return Grant(
        scopes=narrow_scopes(None, grant.scopes & scopes),
        audiences=narrow_audiences((), open_to_all.keys() & set(grant.audiences)),
    )
