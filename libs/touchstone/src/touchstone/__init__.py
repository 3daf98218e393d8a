"""Verify RS256 access tokens locally, in any Flask API, with revocation."""

from touchstone.claims import AccessClaims, Actor, StatusReference
from touchstone.errors import InsufficientScope, TokenError, TouchstoneError, Unavailable
from touchstone.issuer import Issuer
from touchstone.keys import KeySet
from touchstone.policy import Policy
from touchstone.verifier import Verifier

__all__ = [
    "AccessClaims",
    "Actor",
    "InsufficientScope",
    "Issuer",
    "KeySet",
    "Policy",
    "StatusReference",
    "TokenError",
    "TouchstoneError",
    "Unavailable",
    "Verifier",
]
