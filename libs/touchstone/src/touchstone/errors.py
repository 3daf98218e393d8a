"""The error tree: one base, one class per reason, one stable slug per class."""

from __future__ import annotations

from typing import ClassVar


class TouchstoneError(Exception):
    """Base of all errors that touchstone raises about a request.

    `slug` is stable and meant for programs; `str(error)` is one sentence that is safe to show to the client: it repeats
    nothing from the token.
    """

    slug: ClassVar[str] = "touchstone_error"
    sentence: ClassVar[str] = "The request cannot be authorized."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class TokenError(TouchstoneError):
    """The request has no valid token (HTTP 401, RFC 6750 section 3.1).

    `claim` is the name of the claim that caused the error, or None; the sentence names it too.
    """

    slug = "invalid_token"
    sentence = "The access token is not valid."
    claim: str | None = None


class MissingToken(TokenError):
    """The request has no bearer token."""

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
    """The token is not three canonical base64url parts with strict JSON objects, or is too long."""

    slug = "malformed_token"
    sentence = "The access token is not a well-formed JWT."


class WrongAlgorithm(TokenError):
    """`alg` is not the algorithm of the policy."""

    slug = "wrong_algorithm"
    sentence = "The access token is not signed with the expected algorithm."


class WrongType(TokenError):
    """`typ` is not `at+jwt`: perhaps an ID token or a refresh token (RFC 9068 section 4)."""

    slug = "wrong_type"
    sentence = "The token is not of type at+jwt."


class UnsupportedHeader(TokenError):
    """The header has `crit`, `b64` or `zip`."""

    slug = "unsupported_header"
    sentence = "The access token's header has an unsupported member (crit, b64 or zip)."


class UnknownKey(TokenError):
    """`kid` names no key of the issuer, or one that was withdrawn."""

    slug = "unknown_key"
    sentence = "The issuer has no key with the access token's kid."


class BadSignature(TokenError):
    """The signature is not valid."""

    slug = "bad_signature"
    sentence = "The access token's signature is not valid."


class WrongIssuer(TokenError):
    """`iss` is not the issuer of the policy."""

    slug = "wrong_issuer"
    sentence = "The access token is from another issuer (iss)."
    claim = "iss"


class WrongAudience(TokenError):
    """`aud` holds none of the audiences of the policy."""

    slug = "wrong_audience"
    sentence = "The access token is meant for another audience (aud)."
    claim = "aud"


class ExpiredToken(TokenError):
    """`exp` has passed, even with the leeway."""

    slug = "expired_token"
    sentence = "The access token has expired (exp)."
    claim = "exp"


class NotYetValid(TokenError):
    """`iat` or `nbf` is in the future, even with the leeway."""

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
    """The token is valid but lacks a scope (HTTP 403). `required` lists the scopes that the route needs."""

    slug = "insufficient_scope"
    sentence = "The access token lacks a required scope."

    def __init__(self, required: tuple[str, ...]) -> None:
        super().__init__()
        self.required = required


class Unavailable(TouchstoneError):
    """The issuer's keys were never obtained, so no token can be checked (HTTP 503).

    `retry_after` is in seconds.
    """

    slug = "keys_unavailable"
    sentence = "Tokens cannot be checked at the moment."

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__()
        self.retry_after = retry_after


class StatusUnavailable(Unavailable):
    """The token's status list, at `uri`, was never obtained or has expired."""

    slug = "status_unavailable"
    sentence = "The access token's status cannot be checked at the moment."

    def __init__(self, uri: str, retry_after: int = 5) -> None:
        super().__init__(retry_after)
        self.uri = uri


class Unconfirmed(Unavailable):
    """Keys or status list were not confirmed recently enough for a `fresh` route (HTTP 503)."""

    slug = "unconfirmed"
    sentence = "It cannot be confirmed at the moment that the access token is still valid."
