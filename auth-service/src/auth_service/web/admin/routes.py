"""Routes for administrators. Each checks in the database that the caller's session is active."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Response
from flask_openapi3.models.tag import Tag
from service_kit.app import STORAGE_UNAVAILABLE
from service_kit.errors import BadCursor
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.pagination import decode_cursor, encode_cursor
from service_kit.web.request_validation import validated
from touchstone import InsufficientScope
from touchstone.flask import current_token, require
from touchstone.text import is_line

from auth_service.domain.accounts.errors import OwnAccount, UnknownAccount
from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.errors import UnknownSigningKey
from auth_service.domain.oauth.errors import MissingScope
from auth_service.domain.sessions.errors import UnknownSession
from auth_service.use_cases.admin.access import ADMIN
from auth_service.use_cases.admin.administration import Administration
from auth_service.web.admin.clients import add_clients
from auth_service.web.admin.registry import add_audiences, add_roles
from auth_service.web.admin.schemas import (
    AccountPath,
    AuditPage,
    AuditPageQuery,
    AuditView,
    KeyList,
    KeyPath,
    KeyView,
    NewKey,
    SessionPage,
    SessionPath,
    SessionQuery,
    SessionView,
)
from auth_service.web.dependencies import UseCases
from auth_service.web.errors import PROBLEMS
from auth_service.web.openapi import NO_CONTENT, Responses
from auth_service.web.responses import model_response

TAGS = [Tag(name="admin", description="Operations for administrators.")]
BEARER: list[dict[str, list[str]]] = [{"bearer": [ADMIN]}]
DATABASE_UNAVAILABLE: Responses = {503: problem_response("The database is unavailable.", STORAGE_UNAVAILABLE)}
P = ParamSpec("P")
R = TypeVar("R")


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint(
        "admin", __name__, abp_tags=TAGS, abp_security=BEARER, abp_responses=DATABASE_UNAVAILABLE
    )
    admin = use_cases.admin
    admins = _guard(admin)
    _keys(routes, admin, admins)
    _sessions(routes, admin, admins)
    _accounts(routes, admin, admins)
    add_audiences(routes, admin.audiences, admins)
    add_roles(routes, admin.roles, admins)
    add_clients(routes, admin.clients, admins)

    @routes.get("/admin/audit", operation_id="readAudit", responses={200: AuditPage})
    @admins
    @validated
    def read_audit(query: AuditPageQuery) -> Response:
        """Read the audit log, newest first."""
        before = _position(query.cursor, int)
        found = admin.audit(AuditQuery(before=before, event=query.event), query.limit + 1)
        views = [AuditView.model_validate(entry) for entry in found[: query.limit]]
        more = encode_cursor(views[-1].id) if len(found) > query.limit else None
        return model_response(AuditPage(items=views, next_cursor=more))

    @routes.after_request
    def keep_private(response: Response) -> Response:
        """Keep the responses out of caches."""
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _guard(admin: Administration) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                admin.access(current_token.subject, current_token.session_id)
            except MissingScope:
                raise InsufficientScope((ADMIN,)) from None
            return view(*args, **kwargs)

        return require(ADMIN, fresh=True)(admitted)

    return guard


def _keys(routes: ApiBlueprint, admin: Administration, admins: Callable[..., Any]) -> None:
    @routes.get("/admin/keys", operation_id="listKeys", responses={200: KeyList})
    @admins
    def list_keys() -> Response:
        """List the signing keys, oldest first, with their states."""
        return model_response(KeyList(keys=[KeyView.model_validate(key) for key in admin.keys.statuses()]))

    @routes.post("/admin/keys/rotate", operation_id="rotateKeys", responses={201: NewKey})
    @admins
    def rotate() -> tuple[Response, int]:
        """Add a signing key: it is published now, and signs when every verifier can have it."""
        return model_response(NewKey(kid=admin.keys.rotate(current_token.subject))), 201

    @routes.delete(
        "/admin/keys/<kid>",
        operation_id="withdrawKey",
        responses={
            **NO_CONTENT,
            404: problem_response("No signing key has this id.", PROBLEMS[UnknownSigningKey]),
        },
    )
    @admins
    @validated
    def withdraw(path: KeyPath) -> tuple[str, int]:
        """Withdraw a signing key at once: the tokens that it signed become invalid, perhaps the caller's too."""
        admin.keys.withdraw(path.kid, current_token.subject)
        return "", 204


def _sessions(routes: ApiBlueprint, admin: Administration, admins: Callable[..., Any]) -> None:
    @routes.get("/admin/sessions", operation_id="listSessions", responses={200: SessionPage})
    @admins
    @validated
    def list_sessions(query: SessionQuery) -> Response:
        """List active sessions, of one account or of all."""
        found = admin.sessions.page(query.sub, _position(query.cursor, str), query.limit + 1)
        views = [SessionView.of(session) for session in found[: query.limit]]
        more = encode_cursor(views[-1].sid) if len(found) > query.limit else None
        return model_response(SessionPage(items=views, next_cursor=more))

    @routes.delete(
        "/admin/sessions/<sid>",
        operation_id="endSession",
        responses={**NO_CONTENT, 404: problem_response("No session has this id.", PROBLEMS[UnknownSession])},
    )
    @admins
    @validated
    def end_session(path: SessionPath) -> tuple[str, int]:
        """End a session; an ended one stays as it is."""
        admin.sessions.end(path.sid, current_token.subject)
        return "", 204


def _accounts(routes: ApiBlueprint, admin: Administration, admins: Callable[..., Any]) -> None:
    @routes.post(
        "/admin/accounts/<sub>/disable",
        operation_id="disableAccount",
        responses={
            **NO_CONTENT,
            404: problem_response("No account has this subject.", PROBLEMS[UnknownAccount]),
            409: problem_response("You cannot disable your own account.", PROBLEMS[OwnAccount]),
        },
    )
    @admins
    @validated
    def disable(path: AccountPath) -> tuple[str, int]:
        """Disable an account and end all its sessions."""
        admin.accounts.disable(path.sub, current_token.subject)
        return "", 204

    @routes.post(
        "/admin/accounts/<sub>/enable",
        operation_id="enableAccount",
        responses={
            **NO_CONTENT,
            404: problem_response("No account has this subject.", PROBLEMS[UnknownAccount]),
        },
    )
    @admins
    @validated
    def enable(path: AccountPath) -> tuple[str, int]:
        """Enable an account; its old sessions stay ended."""
        admin.accounts.enable(path.sub, current_token.subject)
        return "", 204


def _position(cursor: str | None, kind: type[R]) -> R | None:
    if cursor is None:
        return None
    (position,) = decode_cursor(cursor, kind)
    in_range = 0 <= position < 2**63 if isinstance(position, int) else is_line(str(position))
    if not isinstance(position, kind) or not in_range:
        raise BadCursor
    return position
