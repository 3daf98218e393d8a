"""The userinfo endpoint (OpenID Connect Core section 5.3), and internal routes about an account."""

from collections.abc import Callable

from flask import Response, jsonify, request
from service_kit.observability import spans
from service_kit.web.openapi import FORM, ApiBlueprint, problem_response
from touchstone.errors import InsufficientScope
from touchstone.flask import bearer_token, current_token, require

from auth_service.domain.oauth.access_token import VerifiedToken
from auth_service.domain.oauth.errors import InvalidRequest, MissingScope
from auth_service.web.dependencies import UseCases
from auth_service.web.form_parsing import documented, read_form
from auth_service.web.oauth.cors import allow_origin
from auth_service.web.oauth.schemas import AccountName, AccountView, UserInfoForm, UserInfoResponse
from auth_service.web.openapi import BEARER, OAUTH_TAGS, Responses
from auth_service.web.responses import NO_STORE
from auth_service.web.schemas import OAuthErrorResponse

RESPONSES: Responses = {
    200: UserInfoResponse,
    401: problem_response("The access token is missing or invalid."),
    403: problem_response("The token lacks the scope openid."),
}
NAME_RESPONSES: Responses = RESPONSES | {
    200: AccountName,
    403: problem_response("The token lacks the scope profile:read."),
}
ReadClaims = Callable[[VerifiedToken], dict[str, object]]


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("userinfo", __name__, abp_tags=OAUTH_TAGS)

    def answer(
        token: str, read_claims: ReadClaims = use_cases.userinfo
    ) -> tuple[Response, int, dict[str, str]]:
        found = use_cases.userinfo.verified(token)
        allow_origin(use_cases, found.client_id)
        spans.describe(
            aud=found.audiences,
            scope=sorted(found.scopes),
            client_id=[found.client_id],
            act=found.actors,
            status=["none" if found.status is None else "checked"],
        )
        try:
            claims = read_claims(found)
        except MissingScope as error:
            raise InsufficientScope((str(error),)) from None
        return jsonify(claims), 200, NO_STORE

    @routes.get("/oauth/userinfo", operation_id="userinfo", security=BEARER, responses=RESPONSES)
    def userinfo() -> tuple[Response, int, dict[str, str]]:
        """Return the claims about the token's user that its scopes allow."""
        return answer(bearer_token(request.headers))

    @routes.post(
        "/oauth/userinfo",
        operation_id="userinfoByPost",
        security=BEARER,
        responses=RESPONSES | {400: OAuthErrorResponse},
    )
    @documented(form=UserInfoForm)
    def userinfo_by_post() -> tuple[Response, int, dict[str, str]]:
        """Return the same claims; the token is in the Authorization header, or is `access_token` in a URL-encoded form."""
        return answer(_posted_token() or bearer_token(request.headers))

    @routes.get("/account/name", operation_id="accountName", security=BEARER, responses=NAME_RESPONSES)
    def account_name() -> tuple[Response, int, dict[str, str]]:
        """Return the name of the token's account, for the service that keeps profiles; not through the gateway."""
        return answer(bearer_token(request.headers), use_cases.userinfo.account_name)

    @routes.get("/account", operation_id="account", security=BEARER, responses={200: AccountView})
    @require()
    def account() -> tuple[Response, int, dict[str, str]]:
        """Return the account of a token for this service, for the gateway's browser sessions; not through the gateway."""
        found = use_cases.userinfo.account(current_token.subject, current_token.session_id)
        verified = found.email_verified_at is not None
        view = AccountView(sub=found.sub, name=found.name, email=found.email, email_verified=verified)
        return jsonify(view.model_dump()), 200, NO_STORE

    return routes


def _posted_token() -> str | None:
    """Return the access token of the form (RFC 6750 section 2.2), None without one.

    Raise InvalidRequest for a form that cannot be read, and for a token in the header beside it.
    """
    if request.mimetype != FORM:
        return None
    token = read_form(UserInfoForm).access_token
    if token is not None and "Authorization" in request.headers:
        raise InvalidRequest("send the access token in the header or in the form, not in both")
    return token
