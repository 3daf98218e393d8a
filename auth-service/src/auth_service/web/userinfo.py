"""The userinfo endpoint (OpenID Connect Core section 5.3)."""

from typing import Any

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from service_kit.openapi import problem_response
from touchstone.errors import InsufficientScope
from touchstone.flask import bearer_token

from auth_service.domain.errors import MissingScope
from auth_service.web.answers import NO_STORE
from auth_service.web.mint import Mint
from auth_service.web.models import UserInfoBody

TAGS = [Tag(name="oauth", description="OAuth endpoints, for clients.")]
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
RESPONSES: dict[Any, Any] = {
    200: UserInfoBody,
    401: problem_response("No token, or one that does not stand."),
    403: problem_response("A token without the scope openid."),
}


def blueprint(mint: Mint) -> APIBlueprint:
    """Give the routes over this mint."""
    routes = APIBlueprint("userinfo", __name__, abp_tags=TAGS)

    def answer() -> tuple[Response, int, dict[str, str]]:
        try:
            claims = mint.user_info(bearer_token(request.headers))
        except MissingScope as error:
            raise InsufficientScope((str(error),)) from None
        return jsonify(claims), 200, NO_STORE

    @routes.get("/oauth/userinfo", operation_id="userinfo", security=BEARER, responses=RESPONSES)
    def userinfo() -> tuple[Response, int, dict[str, str]]:
        """Say who the token's person is, as far as its scopes allow."""
        return answer()

    @routes.post("/oauth/userinfo", operation_id="userinfoByPost", security=BEARER, responses=RESPONSES)
    def userinfo_by_post() -> tuple[Response, int, dict[str, str]]:
        """Likewise; the token still comes in the Authorization header alone."""
        return answer()

    return routes
