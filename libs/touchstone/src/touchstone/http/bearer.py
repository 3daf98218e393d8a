"""The bearer token of a request (RFC 6750 section 2.1)."""

from __future__ import annotations

from touchstone.errors import DuplicateAuthorization, MalformedAuthorization, MissingToken


def bearer_token(authorization: str) -> str:
    """Return the bearer token of the Authorization headers of a request, joined with commas.

    No token contains a comma, so more than one header, or more than one credential in it, is refused. Raise
    MissingToken, DuplicateAuthorization or MalformedAuthorization.
    """
    scheme, _, token = authorization.partition(" ")
    token = token.lstrip(" ")
    if "," in authorization:
        raise DuplicateAuthorization
    if scheme.lower() != "bearer":
        raise MissingToken
    if not token or " " in token:
        raise MalformedAuthorization
    return token
