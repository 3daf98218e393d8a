"""The status lists (draft-ietf-oauth-status-list)."""

from flask import Response, jsonify, request
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from werkzeug.exceptions import NotImplemented as NotOffered

from auth_service.domain.sessions.errors import StatusListsStale, UnknownStatusList
from auth_service.domain.sessions.status_list import list_uri, parse_list_number
from auth_service.web.dependencies import UseCases
from auth_service.web.discovery.conditional_response import NOT_MODIFIED, Document, conditional_response
from auth_service.web.discovery.schemas import StatusListNames, StatusListPath
from auth_service.web.errors import PROBLEMS
from auth_service.web.openapi import DISCOVERY_TAGS, Responses

MEDIA_TYPE = "application/statuslist+jwt"
PATH = "/status-lists"
RESPONSES: Responses = {
    200: {
        "description": "The list: a JWT of type `statuslist+jwt`.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **NOT_MODIFIED,
    404: problem_response("No status list has this number.", PROBLEMS[UnknownStatusList]),
    501: problem_response("Historical lists (`time`) are not available."),
    503: problem_response(
        "The status lists are stale, or no signing key is available.", PROBLEMS[StatusListsStale]
    ),
}


def blueprint(use_cases: UseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("status_lists", __name__, abp_tags=DISCOVERY_TAGS)

    @routes.get(f"{PATH}/<number>", operation_id="statusList", responses=RESPONSES)
    @validated
    def status_list(path: StatusListPath) -> Response:
        """Return a list; with `If-None-Match` and `Prefer: wait=N`, wait until it changes."""
        if "time" in request.args:
            raise NotOffered("Historical status lists are not available.")
        lists, number = use_cases.status_lists, parse_list_number(path.number)
        return conditional_response(
            use_cases.long_polls,
            Document(
                read=lambda: lists.document(number),
                etag=lambda: lists.etag(number),
                refresh=lambda tags: lists.catch_up(number, tags),
                media_type=MEDIA_TYPE,
                max_age=lists.ttl,
                weak=True,
            ),
        )

    @routes.get(PATH, operation_id="statusLists", responses={200: StatusListNames, 503: RESPONSES[503]})
    def status_lists() -> Response:
        """Return the URIs of all lists, so that a verifier can load them before the first token."""
        response = jsonify(
            status_lists=[list_uri(use_cases.issuer, number) for number in use_cases.status_lists.numbers()]
        )
        response.headers["Cache-Control"] = f"public, max-age={use_cases.status_lists.ttl}"
        return response

    return routes
