"""Routes for a user's own sessions."""

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token, require

from auth_service.domain.sessions.errors import UnknownSession
from auth_service.web.accounts.schemas import OwnSessionList, OwnSessionPath, OwnSessionView
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import PROBLEMS
from auth_service.web.openapi import BEARER, FRESH, NO_CONTENT
from auth_service.web.responses import NO_STORE

TAGS = [Tag(name="account", description="The user's own account.")]


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("own_sessions", __name__, abp_tags=TAGS, abp_security=BEARER, abp_responses=FRESH)

    @routes.get("/account/sessions", operation_id="ownSessions", responses={200: OwnSessionList})
    @require(fresh=True)
    def own_sessions() -> tuple[Response, int, dict[str, str]]:
        """List the account's active sessions: address, time and client of each."""
        own = use_cases.own_sessions(current_token.subject, current_token.session_id)
        sessions = OwnSessionList(items=[OwnSessionView.of(each) for each in own])
        return jsonify(sessions.model_dump()), 200, NO_STORE

    @routes.delete(
        "/account/sessions/<sid>",
        operation_id="endOwnSession",
        responses={
            **NO_CONTENT,
            404: problem_response("You have no session with this id.", PROBLEMS[UnknownSession]),
        },
    )
    @require(fresh=True)
    @validated
    def end_own_session(path: OwnSessionPath) -> tuple[str, int]:
        """End a session; its access tokens and its refresh token are revoked."""
        use_cases.own_sessions.end(current_token.subject, current_token.session_id, path.sid)
        return "", 204

    return routes
