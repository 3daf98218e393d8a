"""The push endpoint of a stream and its Authorization header, checked before they are stored (RFC 8935)."""

import ipaddress
import re
from urllib.parse import urlsplit

from auth_service.domain.security_events.errors import InvalidStream

LONGEST_URL, LONGEST_HEADER = 2000, 2000
# The characters of RFC 3986, without backslash and quotes.
_URL = re.compile(r"[\x21\x23-\x5b\x5d\x5f\x61-\x7a\x7e]+")
_HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


def check_endpoint(url: str | None, *, allow_http: bool) -> str:
    """Return the URL if events may be pushed there; raise InvalidStream.

    It is https, without credentials and fragment. `allow_http`, for an issuer on this machine, allows http to local
    hosts: loopback and private addresses, and names without a dot.
    """
    if url is None:
        raise InvalidStream("delivery.endpoint_url: is required for push delivery")
    fault = _fault(url, allow_http=allow_http)
    if fault:
        raise InvalidStream(f"delivery.endpoint_url: {fault}")
    return url


def check_authorization(header: str | None) -> None:
    """Raise InvalidStream unless this can be an Authorization header (RFC 9110 section 11.6.2)."""
    if header is not None and not (len(header) <= LONGEST_HEADER and _HEADER.fullmatch(header)):
        raise InvalidStream("delivery.authorization_header: must be one line of printable ASCII")


def _fault(url: str, *, allow_http: bool) -> str | None:
    if len(url) > LONGEST_URL or not _URL.fullmatch(url):
        return "is not a URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    rules = (
        (not host or port == 0, "needs a host"),
        ("@" in parts.netloc, "must not contain credentials"),
        ("#" in url, "must not have a fragment"),
        (
            parts.scheme != "https" and not (allow_http and parts.scheme == "http" and is_local(host or "")),
            "must be https",
        ),
    )
    return next((fault for broken, fault in rules if broken), None)


def is_local(host: str) -> bool:
    """Return whether the host is loopback, a private address, or a name without a dot."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or (address.is_private and not address.is_unspecified)
