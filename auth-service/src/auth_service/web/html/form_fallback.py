"""Routes that serve programs with JSON and people with a form of our own pages."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, request
from service_kit.web.openapi import FORM, ApiBlueprint

from auth_service.domain.errors import StaleForm, TryLater
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.web.html.errors import later_page
from auth_service.web.html.parameters import Pairs, form_pairs
from auth_service.web.html.rendering import error_page

P = ParamSpec("P")
FormAnswer = Callable[[dict[str, str]], Response]


def or_form(answer: FormAnswer) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Have a route for programs answer the form of a page as well, and with a page whatever happens."""

    def mark(view: Callable[P, Response]) -> Callable[P, Response]:
        @wraps(view)
        def call(*args: P.args, **kwargs: P.kwargs) -> Response:
            return _posted(answer) if request.mimetype == FORM else view(*args, **kwargs)

        return call

    return mark


def _posted(answer: FormAnswer) -> Response:
    try:
        return answer(fields(form_pairs()))
    except TryLater as error:
        return later_page(error)


def fields(pairs: Pairs) -> dict[str, str]:
    """Give each name's first value: a form that our own page sent has one of each."""
    return dict(reversed(pairs))


def answer_odd_forms(routes: ApiBlueprint) -> None:
    """Tell people on a page when a query or a form is none that these routes can read."""

    @routes.errorhandler(InvalidAuthorizationRequest)
    def unanswerable(error: InvalidAuthorizationRequest) -> Response:
        return error_page(str(error), detail=error.detail)

    @routes.errorhandler(StaleForm)
    def stale(error: StaleForm) -> Response:
        return error_page(str(error), 403, title="Please try again")
