"""The routes of users-service."""

from typing import Any, Final, cast

from flask import Response, current_app, request
from flask_openapi3.models.tag import Tag
from service_kit.errors import BadCursor
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.pagination import decode_cursor, encode_cursor
from service_kit.web.request_validation import validated
from touchstone import InsufficientScope
from touchstone.flask import bearer_token, current_token, require

from users_service.domain.errors import NotAllowed
from users_service.domain.profile import READ_ALL, READ_OWN, WRITE_OWN, is_subject
from users_service.use_cases import Caller, Users
from users_service.web.schemas import PageQuery, ProfileChanges, ProfilePage, ProfileView, SubjectPath
from users_service.web.views import profile_page, profile_view

EXTENSION: Final = "users_service"
UNAVAILABLE: Final = {
    503: problem_response("The database, or the issuer's keys, are out of reach: see Retry-After.")
}

profiles = ApiBlueprint(
    "profiles",
    __name__,
    abp_tags=[Tag(name="profiles", description="Who the customers are.")],
    abp_responses=cast("Any", UNAVAILABLE),
)


def _bearer(*scopes: str) -> list[dict[str, list[Any]]]:
    """Any one of these scopes opens the route."""
    return [{"bearer": [scope]} for scope in scopes]


def _users() -> Users:
    return cast("Users", current_app.extensions[EXTENSION])


def _caller() -> Caller:
    """Return who asks, with the token that was verified."""
    scopes = current_token.scopes
    token = bearer_token(request.headers)
    return Caller(current_token.subject, token, reads_own=READ_OWN in scopes, reads_all=READ_ALL in scopes)


@profiles.after_request
def keep_private(response: Response) -> Response:
    """Personal data stays out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@profiles.get("/users/me", security=_bearer(READ_OWN), responses={200: ProfileView})
@require(READ_OWN)
def read_mine() -> dict[str, Any]:
    """Show the caller's own profile, made at first sight."""
    return profile_view(_users().mine(_caller()))


@profiles.patch("/users/me", security=_bearer(WRITE_OWN), responses={200: ProfileView})
@require(WRITE_OWN)
@validated
def change_mine(body: ProfileChanges) -> dict[str, Any]:
    """Change the caller's own profile."""
    return profile_view(_users().change_mine(_caller(), body.changes()))


@profiles.get(
    "/users/<sub>",
    security=_bearer(READ_OWN, READ_ALL),
    responses={200: ProfileView, 404: cast("Any", problem_response("There is no such profile."))},
)
@require()
@validated
def read_one(path: SubjectPath) -> dict[str, Any]:
    """Show a profile: the caller's own (profile:read), or anybody's (users:read)."""
    try:
        return profile_view(_users().see(_caller(), path.sub))
    except NotAllowed as error:
        raise InsufficientScope((error.required,)) from None


@profiles.get("/users", security=_bearer(READ_ALL), responses={200: ProfilePage})
@require(READ_ALL)
@validated
def list_all(query: PageQuery) -> dict[str, Any]:
    """List profiles, ascending by `sub`."""
    page, after = _users().page(_after(query.cursor), query.limit)
    return profile_page(page, None if after is None else encode_cursor(after))


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    (sub,) = decode_cursor(cursor, str)
    if not isinstance(sub, str) or not is_subject(sub):
        raise BadCursor
    return sub
