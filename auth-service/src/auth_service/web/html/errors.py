"""Errors at pages: people are told on a page, not in JSON."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.errors import StaleForm, TryLater
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.web.errors import PROBLEMS
from auth_service.web.html.rendering import error_page
from auth_service.web.html.scope_descriptions import in_time


def answer_on_pages(routes: ApiBlueprint) -> None:
    """Tell people of errors on a page, not in JSON."""

    @routes.errorhandler(InvalidAuthorizationRequest)
    def unanswerable(error: InvalidAuthorizationRequest) -> Response:
        return error_page(str(error), detail=error.detail)

    @routes.errorhandler(StaleForm)
    def stale(error: StaleForm) -> Response:
        return error_page(str(error), 403, title="Please try again")

    routes.errorhandler(TryLater)(later_page)


def later_page(error: TryLater) -> Response:
    """Return a page that says when to try again, with the status that programs get and Retry-After."""
    kind = PROBLEMS.get(type(error))
    response = error_page(
        str(error),
        kind.status if kind else 429,
        title=f"Please try again {in_time(error.retry_after)}",
        advice="Then go back in your browser and send the form again.",
    )
    response.headers["Retry-After"] = str(error.retry_after)
    return response
