"""Who may get which scope and audience: every step narrows, none widens."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from auth_service.domain.accounts.account import Account
from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.errors import InvalidScope, InvalidTarget

AUDIENCES = frozenset({"auth-service", "orders-service", "users-service"})
CUSTOMER_SCOPES = frozenset({"profile:read", "profile:write", "orders:read", "orders:write"})
ROLE_SCOPES = {
    "customer": CUSTOMER_SCOPES,
    "admin": CUSTOMER_SCOPES | {"users:read", "admin"},
}
ALL_SCOPES = frozenset().union(*ROLE_SCOPES.values())
OWN_SCOPES = frozenset({"profile:read", "profile:write"})  # all there is before the address is verified
OWN_AUDIENCES = frozenset({"auth-service", "users-service"})
# A client's own, never a person's (CAEP interoperability profile).
STREAM_SCOPES = frozenset({"ssf.manage", "ssf.read"})
OIDC_SCOPES = frozenset({"openid", "profile", "email"})  # everybody's own, but only given when asked for
KNOWN_SCOPES = ALL_SCOPES | OIDC_SCOPES | STREAM_SCOPES
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token, or all tokens of a session, may carry at most."""

    scopes: frozenset[str]
    audiences: tuple[str, ...]


def parse_scope(scope: str | None) -> frozenset[str] | None:
    """Return the names in a `scope` parameter (RFC 6749 section 3.3); None for an absent or blank one.

    Blanks around and between the names do not matter. Names that nothing here has are left out, as OpenID Connect Core
    section 3.1.2.1 wants it; the answer's `scope` says what was granted. Raise InvalidScope when a name has
    characters that no scope may have, and when no name is left.
    """
    names = (scope or "").split()
    if not names:
        return None
    if not all(_SCOPE.fullmatch(name) for name in names):
        raise InvalidScope("a scope must be printable ASCII without quotes and backslashes")
    known = KNOWN_SCOPES.intersection(names)
    if not known:
        raise InvalidScope("none of the requested scopes exists")
    return known


def account_scopes(account: Account) -> frozenset[str]:
    """Return everything that the account's roles allow, once its address is verified."""
    return frozenset().union(*(ROLE_SCOPES.get(role, frozenset()) for role in account.roles))


def narrow_scopes(wanted: frozenset[str] | None, allowed: frozenset[str]) -> frozenset[str]:
    """Return what is wanted, or all that is allowed when nothing is named; InvalidScope for one more, or none."""
    if wanted is not None and not wanted <= allowed:
        raise InvalidScope(f"scopes not granted: {' '.join(sorted(wanted - allowed))}")
    granted = allowed if wanted is None else wanted
    if not granted:
        raise InvalidScope("none of the requested scopes can be granted")
    return granted


def narrow_audiences(wanted: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return what is wanted, or all that is allowed when nothing is named; InvalidTarget for one more, or none."""
    names, allowed = frozenset(wanted), frozenset(allowed)
    if not names <= allowed:
        raise InvalidTarget("a requested audience is unknown or not allowed")
    if not allowed:
        raise InvalidTarget("no audience can be granted")
    return tuple(sorted(names or allowed))


def grant_for_account(
    account: Account, client: Client, scope: frozenset[str] | None, audiences: Iterable[str]
) -> Grant:
    """Say what an account gets through a client: never more than either may have, InvalidScope for asking.

    It is what a session may carry in time; `limit_if_unverified` says what its tokens carry today, and something has to.
    """
    allowed = client.scopes & (account_scopes(account) | OIDC_SCOPES)
    grant = Grant(
        scopes=narrow_scopes(scope, allowed if scope is not None else allowed - OIDC_SCOPES),
        audiences=narrow_audiences(audiences, client.audiences & AUDIENCES),
    )
    limit_if_unverified(account, grant)
    return grant


def limit_if_unverified(account: Account, grant: Grant) -> Grant:
    """Narrow to one's own profile until the account's address is verified; raise InvalidScope or InvalidTarget."""
    if account.email_verified_at is not None:
        return grant
    return Grant(
        scopes=narrow_scopes(None, grant.scopes & (OWN_SCOPES | OIDC_SCOPES)),
        audiences=narrow_audiences((), OWN_AUDIENCES.intersection(grant.audiences)),
    )
