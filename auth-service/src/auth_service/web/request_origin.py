"""From where a request comes: the address of whoever asks, seen through the gateway, and the request's id."""

from ipaddress import ip_address

from flask import Flask, request
from service_kit.observability.request_id import current_request_id
from touchstone.text import without_controls

from auth_service.domain.request_context import RequestOrigin, set_origin

LONGEST_USER_AGENT = 400


def client_address() -> str | None:
    """Give the address of whoever asks.

    The gateway names it in ``X-Forwarded-For``, having dropped what the caller said of itself. It is believed only of a
    neighbour (loopback or a private network): whoever reaches this service from elsewhere speaks for itself alone.
    """
    peer = _address(request.remote_addr)
    if not is_neighbour():
        return peer
    return _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2]) or peer


def is_neighbour() -> bool:
    """Return whether the request comes from this machine or a private network, as the gateway's do."""
    peer = _address(request.remote_addr)
    return peer is not None and ip_address(peer).is_private


def user_agent() -> str | None:
    """Give what the program says of itself, as far as it can be shown."""
    return without_controls(request.headers.get("User-Agent", "")).strip()[:LONGEST_USER_AGENT] or None


def install(app: Flask) -> None:
    """Have what a request does be recorded as coming from there."""

    @app.before_request
    def take() -> None:
        set_origin(RequestOrigin(client_address(), current_request_id(), user_agent=user_agent()))

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        set_origin(RequestOrigin())


def _address(text: str | None) -> str | None:
    try:
        return str(ip_address((text or "").strip()))
    except ValueError:
        return None
