"""Routes for administrators: the audiences and roles of the registry."""

from collections.abc import Callable
from typing import Any

from flask import Response
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import current_token

from auth_service.domain.oauth.errors import RowInUse, UnknownRow
from auth_service.domain.oauth.registry import Role
from auth_service.use_cases.admin.audiences import AudienceAdmin
from auth_service.use_cases.admin.roles import RoleAdmin
from auth_service.web.admin.registry_schemas import (
    AudienceList,
    AudienceView,
    NamePath,
    NewAudienceRequest,
    NewRoleRequest,
    RemovalQuery,
    RoleList,
    RoleScopes,
    RoleView,
)
from auth_service.web.errors import PROBLEMS
from auth_service.web.openapi import NO_CONTENT, Responses
from auth_service.web.responses import model_response

Admins = Callable[..., Any]
_UNKNOWN: Responses = {404: problem_response("The registry has no row of this name.", PROBLEMS[UnknownRow])}
_TAKEN: Responses = {409: problem_response("The name is taken.", PROBLEMS[RowInUse])}
_REMOVED: Responses = {
    **NO_CONTENT,
    **_UNKNOWN,
    409: problem_response("It is defined in a file, or in use; `detail` says by what.", PROBLEMS[RowInUse]),
}


def add_audiences(routes: ApiBlueprint, audiences: AudienceAdmin, admins: Admins) -> None:
    """Add the routes of audiences."""

    @routes.get("/admin/audiences", operation_id="listAudiences", responses={200: AudienceList})
    @admins
    def list_audiences() -> Response:
        """List all audiences with their scopes."""
        views = [AudienceView.model_validate(audience) for audience in audiences.all()]
        return model_response(AudienceList(audiences=views))

    @routes.post("/admin/audiences", operation_id="addAudience", responses={201: AudienceView, **_TAKEN})
    @admins
    @validated
    def add_audience(body: NewAudienceRequest) -> tuple[Response, int]:
        """Add an audience with its scopes, which no role has yet."""
        made = audiences.add(body.name, body.scopes, by=current_token.subject)
        return model_response(AudienceView.model_validate(made)), 201

    @routes.delete("/admin/audiences/<name>", operation_id="removeAudience", responses=_REMOVED)
    @admins
    @validated
    def remove_audience(path: NamePath, query: RemovalQuery) -> tuple[str, int]:
        """Remove an audience and its scopes."""
        audiences.remove(path.name, force=query.force, by=current_token.subject)
        return "", 204


def add_roles(routes: ApiBlueprint, roles: RoleAdmin, admins: Admins) -> None:
    """Add the routes of roles."""

    @routes.get("/admin/roles", operation_id="listRoles", responses={200: RoleList})
    @admins
    def list_roles() -> Response:
        """List all roles with their scopes."""
        return model_response(RoleList(roles=[_view(role) for role in roles.all()]))

    @routes.post("/admin/roles", operation_id="addRole", responses={201: RoleView, **_TAKEN})
    @admins
    @validated
    def add_role(body: NewRoleRequest) -> tuple[Response, int]:
        """Add a role, which no account has yet."""
        made = roles.add(body.name, frozenset(body.scopes), by=current_token.subject)
        return model_response(_view(made)), 201

    @routes.put(
        "/admin/roles/<name>/scopes", operation_id="setRoleScopes", responses={200: RoleView, **_UNKNOWN}
    )
    @admins
    @validated
    def set_scopes(path: NamePath, body: RoleScopes) -> Response:
        """Replace the scopes of a role, for all tokens from now on."""
        changed = roles.set_scopes(path.name, frozenset(body.scopes), by=current_token.subject)
        return model_response(_view(changed))

    @routes.delete("/admin/roles/<name>", operation_id="removeRole", responses=_REMOVED)
    @admins
    @validated
    def remove_role(path: NamePath, query: RemovalQuery) -> tuple[str, int]:
        """Remove a role."""
        roles.remove(path.name, force=query.force, by=current_token.subject)
        return "", 204


def _view(role: Role) -> RoleView:
    return RoleView(name=role.name, scopes=sorted(role.scopes), default=role.default)
