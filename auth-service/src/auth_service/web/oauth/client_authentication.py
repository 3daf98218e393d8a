"""How a client says, and proves, who it is in a request: one way, never two (RFC 6749 section 2.3)."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from flask import request

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.errors import InvalidClient, InvalidRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.oauth.schemas import ClientForm

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ("none", "private_key_jwt", "client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True)
class _Basic:
    client_id: str
    secret: str = field(repr=False)


def client_of(use_cases: UseCases, form: ClientForm) -> Client | None:
    """Give the client that asks, None when none is named; raises InvalidRequest or InvalidClient."""
    if (form.client_assertion is None) != (form.client_assertion_type is None):
        raise InvalidRequest("client_assertion and client_assertion_type must be sent together")
    if form.client_assertion_type not in {None, ASSERTION_TYPE}:
        raise InvalidClient("this client_assertion_type is not supported")
    basic = _basic()
    if sum(proof is not None for proof in (basic, form.client_assertion, form.client_secret)) > 1:
        raise InvalidRequest("a request must use only one method of client authentication")
    if basic is None:
        return use_cases.client_authentication(form.client_id, form.client_assertion, form.client_secret)
    if form.client_id not in {None, basic.client_id}:
        raise InvalidRequest("client_id and Authorization name different clients")
    return use_cases.client_authentication(
        basic.client_id, None, basic.secret or None
    )  # no secret: a public client's name


def _basic() -> _Basic | None:
    """Read HTTP Basic in UTF-8, whose two halves are form-encoded before they are joined (RFC 6749 section 2.3.1).

    Any other scheme is somebody else's: it neither proves a client nor is in its way.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = pair.partition(":")
        if not colon:
            raise InvalidClient("the Authorization header must contain a client_id and secret")
        return _Basic(unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict"))
    except (binascii.Error, ValueError):
        raise InvalidClient("the Authorization header must contain a client_id and secret") from None
