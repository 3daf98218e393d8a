"""Pages have one address, the issuer's: opened elsewhere, their cookies are missing and their forms are refused."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from flask import Flask, Response, request
from service_kit.settings import DEFAULT_PORTS, is_loopback

from auth_service.web.html.rendering import sent_to
from auth_service.web.request_origin import is_neighbour

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def install(app: Flask, issuer: str, paths: Collection[str]) -> None:
    """Redirect a GET of one of these paths to the same path and query at the issuer, if it was opened elsewhere."""

    @app.before_request
    def redirect_page() -> Response | None:
        if request.path not in paths or request.method not in {"GET", "HEAD"} or is_at(issuer, asked_host()):
            return None
        query = quote(request.query_string, safe=_PRINTABLE)
        return sent_to(f"{issuer}{request.path}{'?' if query else ''}{query}")


def asked_host() -> str:
    """Return the host and port that the browser asked for; the gateway names it in `X-Forwarded-Host`."""
    forwarded = request.headers.get("X-Forwarded-Host") if is_neighbour() else None
    return forwarded or request.headers.get("Host", "")


def is_at(issuer: str, host: str) -> bool:
    """Return whether a host (`name`, `name:port`, `[::1]:port`) is the issuer's.

    So is, for a public issuer, a name that no browser elsewhere can reach: it is what a proxy calls us that does not
    pass the Host header on, and a redirect would never end.
    """
    home = urlsplit(issuer)
    try:
        asked = urlsplit(f"//{host}")
        port = asked.port
    except ValueError:
        return False
    name = asked.hostname or ""
    if not is_loopback(issuer) and _is_internal(name):
        return True
    default = DEFAULT_PORTS[home.scheme]
    return (name, port or default) == (home.hostname, home.port or default)


def _is_internal(name: str) -> bool:
    try:
        return ip_address(name).is_private
    except ValueError:
        return name == "localhost" or "." not in name
