"""Errors at pages: people are told on a page, not in JSON."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_service.domain.errors import NoSigningKey, StaleForm, TryLater, Unanswerable
from auth_service.web.pages import error_page


def answer_on_pages(routes: APIBlueprint) -> None:
    """Tell people of errors on a page, not in JSON."""

    @routes.errorhandler(Unanswerable)
    def unanswerable(error: Unanswerable) -> Response:
        return error_page(str(error))

    @routes.errorhandler(StaleForm)
    def stale(error: StaleForm) -> Response:
        return error_page(str(error), 403, title="Please try again")

    @routes.errorhandler(TryLater)
    def later(error: TryLater) -> Response:
        status = 503 if isinstance(error, NoSigningKey) else 429
        response = error_page(str(error), status, title="Please try again in a moment")
        response.headers["Retry-After"] = str(error.retry_after)
        return response
