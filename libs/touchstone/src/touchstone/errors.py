"""Owns the error tree: one base, one class for each reason, a stable slug for each class."""

# ruff: noqa: N818 - the names say what is wrong; `Error` twenty times over would say less
from __future__ import annotations

from typing import ClassVar


class TouchstoneError(Exception):
    """Base of everything that touchstone raises about a request.

    `slug` is stable and meant for machines; `str(error)` is one sentence that is safe to show to the caller:
    it never repeats anything from the token.
    """

    slug: ClassVar[str] = "touchstone_error"
    sentence: ClassVar[str] = "The request cannot be authorized."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class TokenError(TouchstoneError):
    """The caller has shown no good token (HTTP 401, RFC 6750 section 3.1).

    `claim` is the name of the claim that is at fault, or None; the sentence names it too.
    """

    slug = "invalid_token"
    sentence = "The access token is not valid."
    claim: str | None = None


class MissingToken(TokenError):
    """No bearer token was sent at all."""

    slug = "missing_token"
    sentence = "A bearer token is needed in the Authorization header."


class DuplicateAuthorization(TokenError):
    """More than one Authorization header, or one with several credentials."""

    slug = "duplicate_authorization"
    sentence = "Exactly one Authorization header is allowed."


class MalformedAuthorization(TokenError):
    """The Authorization header is not `Bearer <token>`."""

    slug = "malformed_authorization"
    sentence = "The Authorization header is not of the form: Bearer <token>."


class MalformedToken(TokenError):
    """Not three canonical base64url parts holding strict JSON objects, or too long."""

    slug = "malformed_token"
    sentence = "The access token is not a well-formed JWT."


class WrongAlgorithm(TokenError):
    """`alg` is not the one of our policy."""

    slug = "wrong_algorithm"
    sentence = "The access token is not signed with the expected algorithm."


class WrongType(TokenError):
    """`typ` is not `at+jwt`: perhaps an ID token or a refresh token (RFC 9068 section 4)."""

    slug = "wrong_type"
    sentence = "The token is not of type at+jwt."


class UnsupportedHeader(TokenError):
    """`crit`, `b64` or `zip` in the header."""

    slug = "unsupported_header"
    sentence = "The access token's header asks for an extension that is not supported."


class UnknownKey(TokenError):
    """`kid` names no key of the issuer; or the key has been withdrawn."""

    slug = "unknown_key"
    sentence = "The access token names no key of the issuer."


class BadSignature(TokenError):
    """The signature does not hold."""

    slug = "bad_signature"
    sentence = "The access token's signature does not hold."


class WrongIssuer(TokenError):
    """`iss` is not ours."""

    slug = "wrong_issuer"
    sentence = "The access token is from another issuer (iss)."
    claim = "iss"


class WrongAudience(TokenError):
    """`aud` holds none of the audiences of the policy."""

    slug = "wrong_audience"
    sentence = "The access token is meant for another audience (aud)."
    claim = "aud"


class ExpiredToken(TokenError):
    """`exp` has passed, with the leeway."""

    slug = "expired_token"
    sentence = "The access token has expired (exp)."
    claim = "exp"


class NotYetValid(TokenError):
    """`iat` or `nbf` lies in the future, with the leeway."""

    slug = "not_yet_valid"
    sentence = "The access token is not valid yet."

    def __init__(self, claim: str | None = None) -> None:
        super().__init__(claim and f"The access token is not valid yet ({claim}).")
        self.claim = claim


class MalformedClaims(TokenError):
    """A claim is missing, of the wrong type or outside its bounds."""

    slug = "malformed_claims"
    sentence = "A claim of the access token is missing or malformed."

    def __init__(self, claim: str | None = None) -> None:
        super().__init__(claim and f"The access token's claim {claim} is missing or malformed.")
        self.claim = claim


class RevokedToken(TokenError):
    """The token's session was ended: its status is not 0."""

    slug = "revoked_token"
    sentence = "The access token has been revoked (status)."
    claim = "status"


class UnknownStatus(TokenError):
    """`status` names no list of the issuer, or no index inside it."""

    slug = "unknown_status"
    sentence = "The access token's status is not in a list of the issuer."
    claim = "status"


class InsufficientScope(TouchstoneError):
    """The token is good but lacks a scope (HTTP 403). `required` are the scopes that would do."""

    slug = "insufficient_scope"
    sentence = "The access token lacks a scope that this needs."

    def __init__(self, required: tuple[str, ...]) -> None:
        super().__init__()
        self.required = required


class Unavailable(TouchstoneError):
    """The issuer's keys were never obtained, so the token is neither good nor bad (HTTP 503).

    `retry_after` is in seconds.
    """

    slug = "keys_unavailable"
    sentence = "Tokens cannot be checked at the moment."

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__()
        self.retry_after = retry_after


class StatusUnavailable(Unavailable):
    """The token's status list was never obtained, or has expired. `uri` is the list's."""

    slug = "status_unavailable"
    sentence = "The access token's status cannot be checked at the moment."

    def __init__(self, uri: str, retry_after: int = 5) -> None:
        super().__init__(retry_after)
        self.uri = uri


class Unconfirmed(Unavailable):
    """What is known of the issuer is too old for a route that asks for fresh knowledge."""

    slug = "unconfirmed"
    sentence = "That the access token still holds cannot be confirmed at the moment."
