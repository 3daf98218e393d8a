"""The origin of a request: client address, request id and user agent, for the audit log."""

from ipaddress import ip_address

from flask import Flask, request
from service_kit.observability.request_id import current_request_id
from touchstone.text import without_controls

from auth_service.domain.request_context import RequestOrigin, set_origin

MAX_USER_AGENT = 400  # characters


def client_address() -> str | None:
    """Return the address of the client.

    From loopback or a private network it is the last one in `X-Forwarded-For`, which the gateway sets; from elsewhere
    the header is ignored.
    """
    peer = _address(request.remote_addr)
    if not from_private_network():
        return peer
    return _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2]) or peer


def from_private_network() -> bool:
    """Return whether the request comes from this machine or a private network, like those of the gateway."""
    peer = _address(request.remote_addr)
    return peer is not None and ip_address(peer).is_private


def user_agent() -> str | None:
    """Return the User-Agent header without control characters, or None."""
    return without_controls(request.headers.get("User-Agent", "")).strip()[:MAX_USER_AGENT] or None


def install(app: Flask) -> None:
    """Set the origin for the duration of each request."""

    @app.before_request
    def begin() -> None:
        set_origin(RequestOrigin(client_address(), current_request_id(), user_agent=user_agent()))

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        set_origin(RequestOrigin())


def _address(text: str | None) -> str | None:
    try:
        return str(ip_address((text or "").strip()))
    except ValueError:
        return None
