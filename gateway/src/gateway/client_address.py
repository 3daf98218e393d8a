"""Who the client is: the peer, or what the trusted proxies in front say of theirs."""

from service_kit.client_address import AmbiguousClientError, TrustedProxies, normal_address

from gateway.errors import Refusal
from gateway.request import Request


def set_client(request: Request, trusted: TrustedProxies) -> None:
    """Set the request's client address and scheme. Raise Refusal (400) if the headers name two clients."""
    header = request.headers.used
    if not trusted.networks:
        request.client = normal_address(request.client)
        return
    try:
        request.client, request.scheme = trusted.client(
            request.client,
            request.scheme,
            forwarded_for=header(b"x-forwarded-for"),
            forwarded=header(b"forwarded"),
            proto=header(b"x-forwarded-proto"),
        )
    except AmbiguousClientError as error:
        raise Refusal("bad_request", str(error)) from None
