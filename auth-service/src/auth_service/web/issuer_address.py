"""Redirects pages to the issuer's address: under another one their cookies are missing and their forms are refused."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request
from service_kit.settings import DEFAULT_PORTS, is_loopback

from auth_service.web.html.rendering import redirect_to

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def install(app: Flask, issuer: str, paths: Collection[str]) -> None:
    """Redirect a GET of one of these paths to the same path and query at the issuer, if the host is another."""

    @app.before_request
    def redirect_page() -> Response | None:
        if (
            request.path not in paths
            or request.method not in {"GET", "HEAD"}
            or is_issuer_host(issuer, requested_host())
        ):
            return None
        query = quote(request.query_string, safe=_PRINTABLE)
        return redirect_to(f"{issuer}{request.path}{'?' if query else ''}{query}")


def requested_host() -> str:
    """Return the host and port that the browser requested; the gateway sends them in `X-Forwarded-Host`.

    From a public address that header is ignored. A forged one changes the forger's own redirect alone.
    """
    forwarded = request.headers.get("X-Forwarded-Host") if _is_internal(request.remote_addr or "") else None
    return forwarded or request.headers.get("Host", "")


def is_issuer_host(issuer: str, host: str) -> bool:
    """Return whether a host (`name`, `name:port`, `[::1]:port`) is the issuer's.

    With a public issuer, internal names count as the issuer's too: they come from a proxy that does not pass the Host
    header on, and a redirect would repeat forever.
    """
    own = urlsplit(issuer)
    try:
        requested = urlsplit(f"//{host}")
        port = requested.port
    except ValueError:
        return False
    name = requested.hostname or ""
    if not is_loopback(issuer) and _is_internal(name):
        return True
    default = DEFAULT_PORTS[own.scheme]
    return (name, port or default) == (own.hostname, own.port or default)


def _is_internal(name: str) -> bool:
    try:
        return ip_address(name).is_private
    except ValueError:
        return name == "localhost" or "." not in name
