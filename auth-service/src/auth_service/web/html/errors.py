"""Error pages."""

from flask import Response
from service_kit.web.openapi import ApiBlueprint

from auth_service.domain.errors import StaleForm, TryLater
from auth_service.domain.oauth.errors import InvalidAuthorizationRequest
from auth_service.use_cases.oauth.authorization_request import AuthorizationRefused
from auth_service.web.errors import PROBLEMS
from auth_service.web.html.rendering import error_page, redirect_to


def install(routes: ApiBlueprint, *, json: bool = False) -> None:
    """Answer errors of these routes with a page; with `json`, TryLater of their JSON requests stays a problem."""
    routes.register_error_handler(InvalidAuthorizationRequest, _invalid_request_page)
    routes.register_error_handler(AuthorizationRefused, redirect_error)
    routes.register_error_handler(StaleForm, _stale_form_page)
    if not json:
        routes.register_error_handler(TryLater, retry_page)


def retry_page(error: TryLater) -> Response:
    """Return a page that says when to try again, with Retry-After and the status of the JSON problem."""
    kind = PROBLEMS.get(type(error))
    response = error_page(
        str(error),
        kind.status if kind else 429,
        title=f"Please try again {_wait(error.retry_after)}",
        advice="Then go back in your browser and send the form again.",
    )
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def redirect_error(error: AuthorizationRefused) -> Response:
    """Redirect the browser to the client with an error."""
    return redirect_to(error.address.error_uri(error.error))


def _invalid_request_page(error: InvalidAuthorizationRequest) -> Response:
    return error_page(str(error), detail=error.detail)


def _stale_form_page(error: StaleForm) -> Response:
    return error_page(str(error), 403, title="Please try again")


def _wait(seconds: int) -> str:
    """Return a wait in words: in seconds up to two minutes, beyond that in minutes, rounded up."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes
        return f"in {seconds} second{'' if seconds == 1 else 's'}"
    return f"in {-(-seconds // 60)} minutes"
