"""The origin of a request: client address, request id and user agent, for the audit log."""

from flask import Flask, request
from service_kit.client_address import AmbiguousClientError, TrustedProxies
from service_kit.observability.request_id import current_request_id
from touchstone.text import without_controls
from werkzeug.exceptions import BadRequest

from auth_service.domain.request_context import RequestOrigin, set_origin

MAX_USER_AGENT = 400  # characters


def client_address(trusted: TrustedProxies) -> str | None:
    """Return the address of the client, None if the peer has none; raise BadRequest if the headers are ambiguous.

    Through the gateway, a trusted proxy, it is the one in `X-Forwarded-For`.
    """
    header = request.headers.get
    try:
        client = trusted.client(
            request.remote_addr or "",
            request.scheme,
            forwarded_for=header("X-Forwarded-For", ""),
            forwarded=header("Forwarded", ""),
            proto=header("X-Forwarded-Proto", ""),
        )
    except AmbiguousClientError as error:
        raise BadRequest(str(error)) from None
    return client.address or None


def user_agent() -> str | None:
    """Return the User-Agent header without control characters, or None."""
    return without_controls(request.headers.get("User-Agent", "")).strip()[:MAX_USER_AGENT] or None


def install(app: Flask, trusted: TrustedProxies) -> None:
    """Set the origin for the duration of each request."""

    @app.before_request
    def begin() -> None:
        set_origin(RequestOrigin(client_address(trusted), current_request_id(), user_agent=user_agent()))

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        set_origin(RequestOrigin())
