"""The JWK set of the issuer (RFC 7517)."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint

from auth_service.web.dependencies import UseCases
from auth_service.web.discovery.conditional_response import NOT_MODIFIED, Document, conditional_response
from auth_service.web.discovery.schemas import JwkSet
from auth_service.web.openapi import DISCOVERY_TAGS


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the route over the signing keys."""
    routes = ApiBlueprint("jwks", __name__, abp_tags=DISCOVERY_TAGS)
    keys = Document(
        read=use_cases.signing_keys.document,
        etag=lambda: use_cases.signing_keys.document()[1],
        refresh=lambda _: use_cases.signing_keys.refresh(),
        media_type="application/json",
        max_age=use_cases.jwks_max_age,
    )

    @routes.get("/.well-known/jwks.json", operation_id="jwks", responses={200: JwkSet, **NOT_MODIFIED})
    def jwks() -> Response:
        """Return the public keys; with `If-None-Match` and `Prefer: wait=N`, wait until they change."""
        return conditional_response(use_cases.long_polls, keys)

    return routes
