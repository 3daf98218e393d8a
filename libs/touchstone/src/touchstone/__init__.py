"""Verify RS256 access tokens locally, in any Flask API, with revocation."""

from touchstone.claims import AccessClaims, Actor, StatusReference
from touchstone.errors import (
    InsufficientScope,
    RevokedToken,
    StatusUnavailable,
    TokenError,
    TouchstoneError,
    Unavailable,
    Unconfirmed,
    UnknownStatus,
)
from touchstone.following.follower import DocumentStats
from touchstone.following.issuer_documents import IssuerDocuments
from touchstone.issuer import Issuer
from touchstone.issuers import Issuers
from touchstone.keys import KeySet
from touchstone.policy import Policy
from touchstone.status import StatusList
from touchstone.verifier import Verifier

__all__ = [
    "AccessClaims",
    "Actor",
    "DocumentStats",
    "InsufficientScope",
    "Issuer",
    "IssuerDocuments",
    "Issuers",
    "KeySet",
    "Policy",
    "RevokedToken",
    "StatusList",
    "StatusReference",
    "StatusUnavailable",
    "TokenError",
    "TouchstoneError",
    "Unavailable",
    "Unconfirmed",
    "UnknownStatus",
    "Verifier",
]
