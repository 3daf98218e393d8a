"""Routes for administrators. Each asks the database whether the session still stands: a token alone is not enough."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from service_kit.errors import BadCursor
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.pagination import decode_cursor, encode_cursor
from service_kit.web.request_validation import validated
from touchstone import InsufficientScope
from touchstone.flask import current_token, require
from touchstone.text import is_line

from auth_service.domain.audit_log import AuditQuery
from auth_service.domain.oauth.errors import MissingScope
from auth_service.use_cases.admin.access import ADMIN
from auth_service.use_cases.admin.administration import Administration
from auth_service.web.admin.schemas import (
    AccountPath,
    AuditPage,
    AuditPageQuery,
    AuditView,
    KeyList,
    KeyMade,
    KeyPath,
    KeyView,
    SessionPage,
    SessionPath,
    SessionQuery,
    SessionView,
)
from auth_service.web.dependencies import UseCases

TAGS = [Tag(name="admin", description="Operations for administrators.")]
BEARER: list[dict[str, list[str]]] = [{"bearer": [ADMIN]}]
DONE: dict[Any, Any] = {204: {"description": "Done."}}
AWAY: Any = {503: problem_response("The database is unavailable.")}
P = ParamSpec("P")
R = TypeVar("R")


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("admin", __name__, abp_tags=TAGS, abp_security=BEARER, abp_responses=AWAY)
    admin = use_cases.admin
    admins = _guard(admin)
    _keys(routes, admin, admins)
    _sessions(routes, admin, admins)
    _accounts(routes, admin, admins)

    @routes.get("/admin/audit", operation_id="readAudit", responses={200: AuditPage})
    @admins
    @validated
    def read_audit(query: AuditPageQuery) -> Response:
        """Read the audit log, newest first."""
        before = _position(query.cursor, int)
        found = admin.audit(AuditQuery(before=before, event=query.event), query.limit + 1)
        views = [AuditView.of(entry) for entry in found[: query.limit]]
        more = encode_cursor(views[-1].id) if len(found) > query.limit else None
        return _json(AuditPage(items=views, next_cursor=more))

    @routes.after_request
    def keep_private(response: Response) -> Response:
        """None of it is for a cache."""
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _guard(admin: Administration) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                admin.admit(current_token.subject, current_token.session_id)
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
        return _json(KeyList(keys=[KeyView.of(key) for key in admin.keys.statuses()]))

    @routes.post("/admin/keys/rotate", operation_id="rotateKeys", responses={201: KeyMade})
    @admins
    def rotate() -> tuple[Response, int]:
        """Add a signing key: published now, it signs once every verifier can know it."""
        return _json(KeyMade(kid=admin.keys.rotate(current_token.subject))), 201

    @routes.delete(
        "/admin/keys/<kid>",
        operation_id="withdrawKey",
        responses={**DONE, 404: problem_response("No signing key has this id.")},
    )
    @admins
    @validated
    def withdraw(path: KeyPath) -> tuple[str, int]:
        """Take a signing key out at once: no token that it signed is good any more, perhaps this one's neither."""
        admin.keys.withdraw(path.kid, current_token.subject)
        return "", 204


def _sessions(routes: ApiBlueprint, admin: Administration, admins: Callable[..., Any]) -> None:
    @routes.get("/admin/sessions", operation_id="listSessions", responses={200: SessionPage})
    @admins
    @validated
    def list_sessions(query: SessionQuery) -> Response:
        """List live sessions, of one account or of all."""
        found = admin.sessions.page(query.sub, _position(query.cursor, str), query.limit + 1)
        views = [SessionView.of(session) for session in found[: query.limit]]
        more = encode_cursor(views[-1].sid) if len(found) > query.limit else None
        return _json(SessionPage(items=views, next_cursor=more))

    @routes.delete(
        "/admin/sessions/<sid>",
        operation_id="endSession",
        responses={**DONE, 404: problem_response("No session has this id.")},
    )
    @admins
    @validated
    def end_session(path: SessionPath) -> tuple[str, int]:
        """End a session; one that has ended already stays so."""
        admin.sessions.end(path.sid, current_token.subject)
        return "", 204


def _accounts(routes: ApiBlueprint, admin: Administration, admins: Callable[..., Any]) -> None:
    @routes.post(
        "/admin/accounts/<sub>/disable",
        operation_id="disableAccount",
        responses={
            **DONE,
            404: problem_response("No account has this subject."),
            409: problem_response("You cannot disable your own account."),
        },
    )
    @admins
    @validated
    def disable(path: AccountPath) -> tuple[str, int]:
        """Shut an account, and end all its sessions."""
        admin.accounts.disable(path.sub, current_token.subject)
        return "", 204

    @routes.post(
        "/admin/accounts/<sub>/enable",
        operation_id="enableAccount",
        responses={**DONE, 404: problem_response("No account has this subject.")},
    )
    @admins
    @validated
    def enable(path: AccountPath) -> tuple[str, int]:
        """Open an account again; its old sessions stay ended."""
        admin.accounts.enable(path.sub, current_token.subject)
        return "", 204


def _json(model: BaseModel) -> Response:
    return jsonify(model.model_dump(mode="json"))


def _position(cursor: str | None, kind: type[R]) -> R | None:
    if cursor is None:
        return None
    (position,) = decode_cursor(cursor, kind)
    in_range = 0 <= position < 2**63 if isinstance(position, int) else is_line(str(position))
    if not isinstance(position, kind) or not in_range:
        raise BadCursor
    return position
