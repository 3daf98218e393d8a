"""Client metadata as a table of plain values: parsed, written, and checked for all faults at once."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlsplit

from touchstone.text import is_blank, is_line, trimmed

from auth_service.domain.oauth.client import Client, GrantType
from auth_service.domain.oauth.errors import InvalidClientMetadata
from auth_service.domain.oauth.redirect_uris import LONGEST_URI
from auth_service.domain.oauth.registry import EVERY, OIDC_SCOPES, Registry

LONGEST_NAME = 100
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # it also names the file of the client's key
_HASH = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"(https?)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]*))?")
_DEFAULT_PORTS = {("http", "80"), ("https", "443")}
# The characters of RFC 3986.
_URI = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")
# A private-use scheme: a reversed domain name (RFC 8252 section 7.1).
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SETS = ("grants", "origins", "audiences", "scopes", "own_scopes", "serves")
_LISTS = ("redirect_uris", "post_logout_redirect_uris")
_FLAGS = ("confidential", "first_party", "enabled")
_TEXTS = ("name", "secret_hash")
_PROVEN_GRANTS = frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.TOKEN_EXCHANGE})


def is_client_id(text: str) -> bool:
    """Return whether a client can have this id."""
    return _ID.fullmatch(text) is not None


def parse_client(
    client_id: str,
    table: Mapping[str, Any],
    registry: Registry | None = None,
    *,
    allow_relative: bool = False,
) -> Client:
    """Return the client that a table describes; raise InvalidClientMetadata with all its faults.

    With a registry, unknown audiences and scopes are faults. `allow_relative` allows redirect URIs that begin with `/`,
    below the issuer.
    """
    faults = [*_shape(table)]
    if faults:
        raise InvalidClientMetadata(*faults)
    values: dict[str, Any] = {"confidential": False, "grants": frozenset(), **table}
    values |= {name: frozenset(values[name]) for name in _SETS if name in values}
    values |= {name: tuple(values[name]) for name in _LISTS if name in values}
    values["name"] = trimmed(values.get("name", client_id))
    client = Client(client_id=client_id, **values)
    check_client(client, registry, allow_relative=allow_relative)
    return client


def client_table(client: Client) -> dict[str, object]:
    """Return the table that `parse_client` reads, without empty values and without the secret's hash."""
    table: dict[str, object] = {}
    for fact in fields(Client):
        value = getattr(client, fact.name)
        if fact.name in {"client_id", "secret_hash", "enabled"} or value in (frozenset(), (), None):
            continue
        table[fact.name] = sorted(value) if isinstance(value, frozenset) else value
        if isinstance(value, tuple):
            table[fact.name] = list(value)
    return table


def limited(client: Client, registry: Registry, *, keep_every: bool = False) -> Client:
    """Return the client with the audiences and scopes that it has now: those that exist, or every one for `*`.

    With `keep_every` a `*` stays.
    """
    audiences, scopes = frozenset(registry.audiences), registry.scopes.union(OIDC_SCOPES)

    def existing(names: frozenset[str], known: frozenset[str]) -> frozenset[str]:
        if EVERY in names:
            return names if keep_every else known
        return names & known

    return replace(
        client,
        audiences=existing(client.audiences, audiences),
        serves=existing(client.serves, audiences),
        scopes=existing(client.scopes, scopes),
        own_scopes=client.own_scopes & registry.client_scopes,
    )


def check_client(client: Client, registry: Registry | None = None, *, allow_relative: bool = False) -> None:
    """Raise InvalidClientMetadata with all faults of a registration; see `parse_client`."""
    faults = [
        *_names(client, registry),
        *_grants(client),
        *(fault for uri in client.redirect_uris for fault in uri_faults(uri, allow_relative=allow_relative)),
        *(
            fault
            for uri in client.post_logout_redirect_uris
            for fault in uri_faults(uri, allow_relative=allow_relative)
        ),
        *(fault for origin in sorted(client.origins) for fault in origin_faults(origin)),
    ]
    if faults:
        raise InvalidClientMetadata(*faults)


def uri_faults(uri: str, *, allow_relative: bool = False) -> list[str]:
    """Return the faults of a redirect URI, which is compared as written.

    It has the scheme https, http on loopback, or a private-use scheme with a dot (RFC 8252 section 7).
    """
    if allow_relative and uri.startswith("/") and _URI.fullmatch(uri):
        return []
    fault = _uri_fault(uri)
    return [] if fault is None else [f"{uri[:100]!r}: {fault}"]


def origin_faults(origin: str) -> list[str]:
    """Return the faults of an origin, which must be as browsers write it: https, or http on loopback."""
    found = _ORIGIN.fullmatch(origin)
    fault = _uri_fault(origin)
    if fault is None and (found is None or found.groups() in _DEFAULT_PORTS):
        fault = (
            "must be scheme and host in lower case, and a port only if it is not the default, without a path"
        )
    return [] if fault is None else [f"{origin[:100]!r}: {fault}"]


def _uri_fault(uri: str) -> str | None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URI"
    web = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    rules = (
        ("*" in uri, "must not contain a wildcard"),
        ("#" in uri, "must not have a fragment"),
        (len(uri) > LONGEST_URI or not _URI.fullmatch(uri), "is not a URI"),
        ("@" in parts.netloc, "must not contain credentials"),
        (web and not host, "needs a host"),
        (
            not web and not _SCHEME.fullmatch(parts.scheme),
            "must use https, http on loopback, or a private-use scheme that contains a dot",
        ),
    )
    return next((fault for broken, fault in rules if broken), None)


def _shape(table: Mapping[str, Any]) -> list[str]:
    known = (*_SETS, *_LISTS, *_FLAGS, *_TEXTS)
    faults = [f"{name}: unknown key" for name in table if name not in known]
    faults += [
        f"{name}: must be a list of strings"
        for name in (*_SETS, *_LISTS)
        if not isinstance(value := table.get(name, []), list)
        or not all(isinstance(one, str) for one in value)
    ]
    faults += [
        f"{name}: must be true or false" for name in _FLAGS if not isinstance(table.get(name, False), bool)
    ]
    faults += [f"{name}: must be a string" for name in _TEXTS if not isinstance(table.get(name, ""), str)]
    return faults


def _names(client: Client, registry: Registry | None) -> list[str]:
    faults = []
    if not is_client_id(client.client_id):
        faults.append("client_id: must have 1 to 100 of A-Z a-z 0-9 . _ - and begin with a letter or digit")
    if is_blank(client.name) or len(client.name) > LONGEST_NAME or not is_line(client.name):
        faults.append(
            f"name: must have 1 to {LONGEST_NAME} characters, without line breaks or control characters"
        )
    known: dict[str, frozenset[str]] = {"grants": frozenset(GrantType)}
    if registry is not None:
        known["audiences"] = known["serves"] = frozenset({*registry.audiences, EVERY})
        known |= {"scopes": registry.scopes.union(OIDC_SCOPES, {EVERY}), "own_scopes": registry.client_scopes}
    for name, allowed in known.items():
        unknown = sorted(getattr(client, name) - allowed)
        if unknown:
            faults.append(f"{name}: unknown: {', '.join(each[:100] for each in unknown)}")
    if not client.first_party:
        faults += [
            f"{name}: * is for first-party clients"
            for name in ("audiences", "serves", "scopes")
            if EVERY in getattr(client, name)
        ]
    if client.secret_hash is not None and not _HASH.fullmatch(client.secret_hash):
        faults.append("secret_hash: must be a SHA-256 in 64 lower-case hexadecimal digits")
    return faults


def _grants(client: Client) -> list[str]:
    faults = []
    if GrantType.AUTHORIZATION_CODE in client.grants and not client.redirect_uris:
        faults.append("redirect_uris: the authorization_code grant requires at least one")
    if not client.confidential:
        faults += [
            f"grants: {grant} requires a confidential client" for grant in client.grants & _PROVEN_GRANTS
        ]
        if client.secret_hash is not None:
            faults.append("secret_hash: a public client cannot have a secret")
        if client.serves:
            faults.append("serves: a public client cannot introspect tokens")
    elif client.origins:
        faults.append("origins: only a public client can run in a browser")
    return sorted(faults)
