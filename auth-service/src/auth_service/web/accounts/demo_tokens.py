"""The route that signs tokens for the console's attacks; only with DEMO, and not through the gateway."""

from flask import Response, jsonify
from service_kit.web.openapi import ApiBlueprint
from touchstone.flask import current_token, require

from auth_service.web.accounts.routes import TAGS
from auth_service.web.accounts.schemas import RefusedTokens
from auth_service.web.dependencies import UseCases
from auth_service.web.openapi import BEARER
from auth_service.web.responses import NO_STORE


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the route over these use cases."""
    routes = ApiBlueprint("demo_tokens", __name__, abp_tags=TAGS, abp_security=BEARER)

    @routes.post("/demo/tokens", operation_id="demoTokens", responses={200: RefusedTokens})
    @require()
    def demo_tokens() -> tuple[Response, int, dict[str, str]]:
        """Return signed tokens that every service must refuse: expired, of another audience, revoked."""
        tokens = use_cases.demo_tokens(current_token.subject, current_token.session_id)
        return jsonify(tokens), 200, NO_STORE

    return routes
