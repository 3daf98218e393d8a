"""The token, revocation and introspection endpoints."""

from collections.abc import Callable

from flask import Response, jsonify
from service_kit.observability import spans
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
from auth_service.web.form_parsing import oauth_form
from auth_service.web.oauth.client_authentication import authenticated_client
from auth_service.web.oauth.schemas import IntrospectionResponse, TokenForm, TokenReferenceForm
from auth_service.web.openapi import OAUTH_ERRORS, OAUTH_TAGS, TOKEN_RESPONSES
from auth_service.web.responses import NO_STORE, token_response

Grant = Callable[[UseCases, Client | None, TokenForm], TokenResponse]


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("oauth", __name__, abp_tags=OAUTH_TAGS)

    @routes.post("/oauth/token", operation_id="token", responses=TOKEN_RESPONSES)
    @oauth_form
    def token(form: TokenForm) -> Response:
        """Issue tokens for a grant (RFC 6749, RFC 8628, RFC 8693)."""
        grant = GRANTS.get(_required(form.grant_type, "grant_type"))
        if grant is None:
            raise UnsupportedGrantType("this grant_type is not supported")
        client = authenticated_client(use_cases, form)
        issued = grant(use_cases, client, form)
        spans.describe(
            grant=[form.grant_type or ""],
            client_id=[client.client_id] if client else [],
            aud=form.audiences(),
            scope=issued.scope.split(),
        )
        return token_response(issued)

    @routes.post(
        "/oauth/revoke",
        operation_id="revoke",
        responses={200: {"description": "The token is revoked or was already invalid."}, **OAUTH_ERRORS},
    )
    @oauth_form
    def revoke(form: TokenReferenceForm) -> tuple[str, int, dict[str, str]]:
        """Revoke a token of this client: its session ends (RFC 7009)."""
        client = authenticated_client(use_cases, form)
        use_cases.revocation(_required(form.token, "token"), client)
        return "", 200, NO_STORE

    @routes.post(
        "/oauth/introspect", operation_id="introspect", responses={200: IntrospectionResponse, **OAUTH_ERRORS}
    )
    @oauth_form
    def introspect(form: TokenReferenceForm) -> tuple[Response, int, dict[str, str]]:
        """Return whether a token is active, and its claims (RFC 7662)."""
        client = authenticated_client(use_cases, form)
        found = use_cases.introspection(_required(form.token, "token"), client)
        return jsonify(_introspection(found, use_cases.issuer) if found else {"active": False}), 200, NO_STORE

    return routes


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidRequest(f"{name} is missing")
    return value


def _authenticated(client: Client | None) -> Client:
    if client is None:
        raise InvalidClient("this grant requires client authentication")
    return client


def _authorization_code(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    code = _required(form.code, "code")
    return use_cases.authorization_code_grant(
        _authenticated(client), Redemption(code, form.redirect_uri, form.code_verifier, form.audiences())
    )


def _refresh(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    token = _required(form.refresh_token, "refresh_token")
    return use_cases.refresh_token_grant(token, client, parse_scope(form.scope), form.audiences())


def _client_credentials(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    return use_cases.client_credentials_grant(
        _authenticated(client), parse_scope(form.scope), form.audiences()
    )


def _exchange(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    authenticated = _authenticated(client)
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
    subject_token = _required(form.subject_token, "subject_token")
    return use_cases.token_exchange_grant(
        authenticated, subject_token, targets.pop(), parse_scope(form.scope)
    )


def _device(use_cases: UseCases, client: Client | None, form: TokenForm) -> TokenResponse:
    return use_cases.device_code_grant(_authenticated(client), _required(form.device_code, "device_code"))


GRANTS: dict[str, Grant] = {
    GrantType.AUTHORIZATION_CODE: _authorization_code,
    GrantType.REFRESH_TOKEN: _refresh,
    GrantType.CLIENT_CREDENTIALS: _client_credentials,
    GrantType.TOKEN_EXCHANGE: _exchange,
    GrantType.DEVICE_CODE: _device,
}


def _introspection(token: VerifiedToken | ActiveRefreshToken, issuer: str) -> dict[str, object]:
    claims: dict[str, object] = {
        "active": True,
        "iss": issuer,
        "sub": token.subject,
        "client_id": token.client_id,
        "scope": " ".join(sorted(token.scopes)),
        "exp": token.expires_at,
        "sid": token.session_id,
    }
    if isinstance(token, VerifiedToken):
        claims |= {
            "aud": list(token.audiences),
            "token_type": "Bearer",
            "iat": token.issued_at,
            "jti": token.token_id,
            "auth_time": token.auth_time,
            "roles": sorted(token.roles),
            "act": nested_actors(token.actors) if token.actors else None,
        }
    return {name: value for name, value in claims.items() if value is not None}
