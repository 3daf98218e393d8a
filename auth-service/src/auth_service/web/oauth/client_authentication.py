"""Client authentication: the client of a request, by one method only (RFC 6749 section 2.3)."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from flask import request

from auth_service.domain.oauth.client import Client
from auth_service.domain.oauth.errors import InvalidClient, InvalidRequest
from auth_service.web.dependencies import UseCases
from auth_service.web.oauth.cors import allow_origin
from auth_service.web.oauth.schemas import ClientForm

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ("none", "private_key_jwt", "client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True)
class _Basic:
    client_id: str
    secret: str = field(repr=False)


def authenticated_client(use_cases: UseCases, form: ClientForm) -> Client | None:
    """Return the client of the request, or None if it names none; raise InvalidRequest or InvalidClient."""
    if (form.client_assertion is None) != (form.client_assertion_type is None):
        raise InvalidRequest("client_assertion and client_assertion_type must be sent together")
    if form.client_assertion_type not in {None, ASSERTION_TYPE}:
        raise InvalidClient("this client_assertion_type is not supported")
    basic = _basic()
    if sum(proof is not None for proof in (basic, form.client_assertion, form.client_secret)) > 1:
        raise InvalidRequest("a request must use only one method of client authentication")
    if basic is None:
        client = use_cases.client_authentication(form.client_id, form.client_assertion, form.client_secret)
    elif form.client_id in {None, basic.client_id}:
        # an empty secret: a public client that only names itself
        client = use_cases.client_authentication(basic.client_id, None, basic.secret or None)
    else:
        raise InvalidRequest("client_id and Authorization name different clients")
    if client is not None:
        allow_origin(use_cases, client.client_id)
    return client


def _basic() -> _Basic | None:
    """Return the form-encoded client_id and secret of HTTP Basic (RFC 6749 section 2.3.1), or None for another scheme."""
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
