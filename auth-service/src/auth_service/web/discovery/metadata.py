"""The metadata of the issuer (RFC 8414, OpenID Connect Discovery)."""

from flask import Response, jsonify
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.oauth.id_token import ACR
from auth_service.use_cases.oauth.authorization_request import PROMPTS
from auth_service.web.dependencies import UseCases
from auth_service.web.discovery.schemas import ServerMetadata
from auth_service.web.oauth.client_authentication import METHODS
from auth_service.web.oauth.token_endpoints import GRANTS
from auth_service.web.openapi import DISCOVERY_TAGS

METADATA_MAX_AGE = 300
AUTHORIZATION_METADATA: dict[str, object] = {
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
    "claims_parameter_supported": False,
    "prompt_values_supported": sorted(PROMPTS),
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "acr_values_supported": [ACR],
    "claims_supported": [
        *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"),
        *("name", "email", "email_verified"),
    ],
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("metadata", __name__, abp_tags=DISCOVERY_TAGS)

    @routes.get(
        "/.well-known/oauth-authorization-server",
        operation_id="serverMetadata",
        responses={200: ServerMetadata},
    )
    def authorization_server() -> Response:
        """Return the metadata of the issuer (RFC 8414)."""
        return _cached(server_metadata(use_cases.issuer, use_cases.published_scopes()))

    @routes.get(
        "/.well-known/openid-configuration", operation_id="openidMetadata", responses={200: ServerMetadata}
    )
    def openid_configuration() -> Response:
        """Return the metadata of the issuer (OpenID Connect Discovery)."""
        return _cached(server_metadata(use_cases.issuer, use_cases.published_scopes()))

    return routes


def server_metadata(issuer: str, scopes: frozenset[str]) -> dict[str, object]:
    """Return the metadata of RFC 8414 section 2."""
    methods = list(METHODS)
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "token_endpoint": f"{issuer}/oauth/token",
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": methods[1:],
        "introspection_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "grant_types_supported": [str(grant) for grant in GRANTS],
        "scopes_supported": sorted(scopes),
        **AUTHORIZATION_METADATA,
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "status_list_aggregation_endpoint": f"{issuer}/status-lists",
    }


def _cached(metadata: dict[str, object]) -> Response:
    response = jsonify(metadata)
    response.headers["Cache-Control"] = f"public, max-age={METADATA_MAX_AGE}"
    return response
