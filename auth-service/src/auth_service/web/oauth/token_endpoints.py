"""Routes for clients: tokens, revocation, introspection."""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.oauth.access_token import VerifiedToken, nested_actors
from auth_service.domain.oauth.client import Client, GrantType
from auth_service.domain.oauth.errors import InvalidClient, InvalidRequest, UnsupportedGrantType
from auth_service.domain.oauth.scopes import parse_scope
from auth_service.use_cases.oauth.authorization_code_grant import Redemption
from auth_service.use_cases.oauth.introspection import ActiveRefreshToken
from auth_service.use_cases.oauth.token_exchange_grant import ACCESS_TOKEN_TYPE
from auth_service.use_cases.oauth.token_issuer import TokenResponse
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import NO_STORE, TOKEN_RESPONSES, token_answer
from auth_service.web.form_parsing import oauth_form
from auth_service.web.oauth.client_authentication import client_of
from auth_service.web.oauth.schemas import AboutTokenForm, Introspection, TokenForm
from auth_service.web.schemas import OAuthProblem

TAGS = [Tag(name="oauth", description="OAuth 2 and OpenID Connect endpoints.")]
REFUSALS: dict[Any, Any] = {400: OAuthProblem, 401: OAuthProblem}
Grant = Callable[[UseCases, Client | None, TokenForm], TokenResponse]


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("oauth", __name__, abp_tags=TAGS)

    @routes.post("/oauth/token", operation_id="token", responses=TOKEN_RESPONSES)
    @oauth_form
    def token(form: TokenForm) -> Response:
        """Give tokens for one of the grants (RFC 6749, RFC 8693)."""
        grant = GRANTS.get(_needed(form.grant_type, "grant_type"))
        if grant is None:
            raise UnsupportedGrantType("this grant_type is not supported")
        return token_answer(grant(use_cases, client_of(use_cases, form), form))

    @routes.post(
        "/oauth/revoke",
        operation_id="revoke",
        responses={200: {"description": "The token is revoked or was already invalid."}, **REFUSALS},
    )
    @oauth_form
    def revoke(form: AboutTokenForm) -> tuple[str, int, dict[str, str]]:
        """End the session that a token of this client came from (RFC 7009)."""
        client = client_of(use_cases, form)
        use_cases.revocation(_needed(form.token, "token"), client)
        return "", 200, NO_STORE

    @routes.post("/oauth/introspect", operation_id="introspect", responses={200: Introspection, **REFUSALS})
    @oauth_form
    def introspect(form: AboutTokenForm) -> tuple[Response, int, dict[str, str]]:
        """Say whether a token stands now (RFC 7662)."""
        client = client_of(use_cases, form)
        found = use_cases.introspection(_needed(form.token, "token"), client)
        return jsonify(_described(found, use_cases.issuer) if found else {"active": False}), 200, NO_STORE

    return routes


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidRequest(f"{name} is missing")
    return value


def _proven(client: Client | None) -> Client:
    if client is None:
        raise InvalidClient("this grant requires client authentication")
    return client


def _authorization_code(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    code = _needed(form.code, "code")
    return use_cases.authorization_code_grant(
        _proven(client), Redemption(code, form.redirect_uri, form.code_verifier, form.audiences())
    )


def _refresh(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    token = _needed(form.refresh_token, "refresh_token")
    return use_cases.refresh_token_grant(token, client, parse_scope(form.scope), form.audiences())


def _client_credentials(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    return use_cases.client_credentials_grant(_proven(client), parse_scope(form.scope), form.audiences())


def _exchange(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    proven = _proven(client)
    if form.subject_token_type != ACCESS_TOKEN_TYPE or form.requested_token_type not in {
        None,
        ACCESS_TOKEN_TYPE,
    }:
        raise InvalidRequest("only access tokens can be exchanged, and only for access tokens")
    if form.actor_token is not None:
        raise InvalidRequest("actor_token is not supported: the client itself is the actor")
    targets = set(form.audiences())
    if len(targets) != 1:
        raise InvalidRequest("exactly one audience must be requested")
    subject_token = _needed(form.subject_token, "subject_token")
    return use_cases.token_exchange_grant(proven, subject_token, targets.pop(), parse_scope(form.scope))


def _device(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    return use_cases.device_code_grant(_proven(client), _needed(form.device_code, "device_code"))


GRANTS: dict[str, Grant] = {
    GrantType.AUTHORIZATION_CODE: _authorization_code,
    GrantType.REFRESH_TOKEN: _refresh,
    GrantType.CLIENT_CREDENTIALS: _client_credentials,
    GrantType.TOKEN_EXCHANGE: _exchange,
    GrantType.DEVICE_CODE: _device,
}


def _described(token: VerifiedToken | ActiveRefreshToken, issuer: str) -> dict[str, object]:
    if isinstance(token, ActiveRefreshToken):
        return {
            "active": True,
            "iss": issuer,
            "sub": token.subject,
            "client_id": token.client_id,
            "scope": " ".join(sorted(token.scopes)),
            "exp": token.expires_at,
            "sid": token.session_id,
        }
    described = {
        "active": True,
        "iss": issuer,
        "sub": token.subject,
        "aud": list(token.audiences),
        "client_id": token.client_id,
        "scope": " ".join(sorted(token.scopes)),
        "token_type": "Bearer",
        "exp": token.expires_at,
        "iat": token.issued_at,
        "jti": token.token_id,
        "sid": token.session_id,
        "auth_time": token.auth_time,
        "roles": sorted(token.roles),
        "act": nested_actors(token.actors) if token.actors else None,
    }
    return {name: value for name, value in described.items() if value is not None}
