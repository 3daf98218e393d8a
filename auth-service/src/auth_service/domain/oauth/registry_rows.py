"""Audiences and roles as tables of plain values: parsed, and checked for all faults at once."""

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, TypeGuard

from touchstone.text import is_blank, is_line

from auth_service.domain.oauth.errors import InvalidRegistration
from auth_service.domain.oauth.registry import OIDC_SCOPES, Audience, Registry, Role

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 200
LONGEST_ALL = 2000  # characters of all names with spaces between: a token carries them, and has at most 8 KiB
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")  # it is a segment of a path
_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_AUDIENCE_KEYS = frozenset({"scopes", "client_scopes", "unverified"})
_ROLE_KEYS = frozenset({"scopes", "default"})
_NAME_RULE = f"must have 1 to {LONGEST_NAME} of A-Z a-z 0-9 . _ : - and begin with a letter or digit"
_SCOPE_RULE = f"must have 1 to {LONGEST_NAME} of A-Z a-z 0-9 . _ : / - and begin with a letter or digit"
_ROLE_RULE = "must have 1 to 50 of a-z 0-9 _ - and begin with a letter"


def parse_audience(name: str, table: Mapping[str, Any]) -> Audience:
    """Return the audience that a table describes; raise InvalidRegistration with all its faults.

    `scopes` and `client_scopes` are tables of descriptions, or lists of names, each of which then describes itself.
    """
    faults = [] if _NAME.fullmatch(name) else [f"name: {_NAME_RULE}"]
    faults += [f"{key}: unknown key" for key in table if key not in _AUDIENCE_KEYS]
    scopes, wrong = _descriptions("scopes", table.get("scopes", {}))
    client_scopes, others = _descriptions("client_scopes", table.get("client_scopes", {}))
    faults += [*wrong, *others]
    faults += [
        f"{scope}: is in scopes and in client_scopes" for scope in sorted(scopes.keys() & client_scopes)
    ]
    unverified = table.get("unverified")
    if unverified is not None and not _are_names(unverified):
        faults.append("unverified: must be a list of strings")
    elif unverified is not None and not scopes.keys() >= set(unverified):
        faults.append("unverified: must be some of its scopes")
    if faults:
        raise InvalidRegistration(*faults)
    return Audience(name, scopes, client_scopes, None if unverified is None else frozenset(unverified))


def named_audience(name: str, table: Mapping[str, Any]) -> Audience:
    """Return the audience with the scopes that a table with faults names, so that each fault is reported once."""
    named = (table.get(key) for key in ("scopes", "client_scopes"))
    scopes, client_scopes = (
        dict.fromkeys(map(str, each if isinstance(each, list | dict) else ()), "") for each in named
    )
    return Audience(name, scopes, client_scopes)


def parse_role(name: str, table: Mapping[str, Any]) -> Role:
    """Return the role that a table describes; raise InvalidRegistration with all its faults."""
    faults = [] if _ROLE.fullmatch(name) else [f"name: {_ROLE_RULE}"]
    faults += [f"{key}: unknown key" for key in table if key not in _ROLE_KEYS]
    scopes, default = table.get("scopes", []), table.get("default", False)
    if not _are_names(scopes):
        faults.append("scopes: must be a list of strings")
    if not isinstance(default, bool):
        faults.append("default: must be true or false")
    if faults:
        raise InvalidRegistration(*faults)
    return Role(name, frozenset(scopes), default)


def registry_faults(registry: Registry) -> list[str]:
    """Return the faults of a registry as a whole, each with its row: shared scopes, unknown scopes, and its size."""
    faults, owners = [], dict.fromkeys(OIDC_SCOPES, "OpenID Connect")
    for audience in registry.audiences.values():
        for scope in chain(audience.scopes, audience.client_scopes):
            if scope in owners:
                faults.append(f"audience {audience.name}: scope {scope}: belongs to {owners[scope]} already")
            owners.setdefault(scope, f"audience {audience.name}")
    for role in registry.roles.values():
        faults += [f"role {role.name}: {fault}" for fault in role_faults(role, registry)]
    for what, names in (("audiences", registry.audiences), ("scopes", registry.supported)):
        if len(" ".join(names)) > LONGEST_ALL:
            faults.append(f"{what}: all names together must have at most {LONGEST_ALL} characters")
    return faults


def role_faults(role: Role, registry: Registry) -> list[str]:
    """Return the faults of a role's scopes."""
    alone = registry.client_scopes - registry.scopes
    return [
        f"scopes: {scope}: {'is for clients, not for users' if scope in alone else 'unknown'}"
        for scope in sorted(role.scopes - registry.scopes)
    ]


def _descriptions(key: str, given: object) -> tuple[dict[str, str], list[str]]:
    table: Any = dict(zip(given, given, strict=True)) if _are_names(given) else given
    if not isinstance(table, dict):
        return {}, [f"{key}: must be a table of descriptions, or a list of strings"]
    faults = []
    for scope, text in table.items():
        if not _SCOPE.fullmatch(scope):
            faults.append(f"{key}: {scope[:LONGEST_NAME]!r}: {_SCOPE_RULE}")
        if (
            not isinstance(text, str)
            or is_blank(text)
            or not is_line(text)
            or len(text) > LONGEST_DESCRIPTION
        ):
            faults.append(f"{key}: {scope[:LONGEST_NAME]}: the description must be one line of text")
    return {} if faults else table, faults


def _are_names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def merged(one: Registry, audiences: Iterable[Audience], roles: Iterable[Role]) -> tuple[Registry, list[str]]:
    """Return a registry with the rows of another file, and the faults: a role that exists gets the scopes, too."""
    all_audiences, all_roles, faults = dict(one.audiences), dict(one.roles), []
    for audience in audiences:
        if audience.name in all_audiences:
            faults.append(f"audience {audience.name}: this name is taken")
        all_audiences.setdefault(audience.name, audience)
    for role in roles:
        known = all_roles.get(role.name, role)
        if known.default != role.default and role.default:
            faults.append(f"role {role.name}: default: is set where the role is defined first")
        all_roles[role.name] = Role(role.name, known.scopes | role.scopes, known.default)
    return Registry(all_audiences, all_roles), faults
