"""The routes of users-service."""

from typing import Any, Final, cast

from flask import request
from flask_openapi3.models.tag import Tag
from service_kit.web.http_cache import no_store
from service_kit.web.openapi import ApiBlueprint, bearer, problem_response
from service_kit.web.pagination import decode_text, encode_text
from service_kit.web.request_validation import validated
from touchstone import InsufficientScope
from touchstone.flask import bearer_token, current_token, require

from users_service.domain.errors import MissingScope, ProfileNotFound, StorageUnavailable
from users_service.domain.profile import is_subject
from users_service.use_cases import READ_ALL, READ_OWN, WRITE_OWN, Caller, UseCases
from users_service.web.errors import PROBLEMS
from users_service.web.responses import profile_page, profile_view
from users_service.web.schemas import PageQuery, ProfileChanges, ProfilePage, ProfileView, SubjectPath

TAGS: Final = [Tag(name="profiles", description="Profiles of customers.")]
NOT_FOUND: Final = cast(
    "Any", {404: problem_response("There is no such profile.", PROBLEMS[ProfileNotFound])}
)
UNAVAILABLE: Final = cast(
    "Any",
    {
        503: problem_response(
            "The database or the issuer's keys are unavailable; see Retry-After.",
            PROBLEMS[StorageUnavailable],
        )
    },
)


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("profiles", __name__, abp_tags=TAGS, abp_responses=UNAVAILABLE)
    routes.after_request(no_store)

    @routes.get("/users/me", security=bearer(READ_OWN), responses={200: ProfileView})
    @require(READ_OWN)
    def read_mine() -> dict[str, Any]:
        """Return the caller's own profile, created at the first request."""
        return profile_view(use_cases.read_own_profile(_caller()))

    @routes.patch("/users/me", security=bearer(WRITE_OWN), responses={200: ProfileView})
    @require(WRITE_OWN)
    @validated
    def change_mine(body: ProfileChanges) -> dict[str, Any]:
        """Change the caller's own profile."""
        return profile_view(use_cases.update_own_profile(_caller(), body.update()))

    @routes.get(
        "/users/<sub>", security=bearer(READ_OWN, READ_ALL), responses={200: ProfileView, **NOT_FOUND}
    )
    @require()
    @validated
    def read_one(path: SubjectPath) -> dict[str, Any]:
        """Return a profile: the caller's own (profile:read), or any (users:read)."""
        try:
            return profile_view(use_cases.read_profile(_caller(), path.sub))
        except MissingScope as error:
            raise InsufficientScope((error.required,)) from None

    @routes.get("/users", security=bearer(READ_ALL), responses={200: ProfilePage})
    @require(READ_ALL)
    @validated
    def list_all(query: PageQuery) -> dict[str, Any]:
        """List profiles, ascending by `sub`."""
        page, after = use_cases.list_profiles(decode_text(query.cursor, is_subject), query.limit)
        return profile_page(page, encode_text(after))

    return routes


def _caller() -> Caller:
    scopes, token = current_token.scopes, bearer_token(request.headers)
    return Caller(current_token.subject, token, reads_own=READ_OWN in scopes, reads_all=READ_ALL in scopes)
