"""What counts as one client, and the account that a log-in names."""

import ipaddress
from functools import lru_cache
from urllib.parse import parse_qsl

from touchstone.strictjson import loads


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 subscriber."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 4:  # noqa: PLR2004 - the IP version
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def account_of(body: bytes) -> str | None:
    """Return the email in a log-in body (JSON or a form), normalized; None if there is none."""
    text: object = None
    if body.lstrip()[:1] == b"{":
        try:
            members = loads(body)
        except ValueError:
            return None
        text = members.get("email") if isinstance(members, dict) else None
    else:
        try:
            text = dict(parse_qsl(body.decode("ascii"), max_num_fields=32)).get("email")
        except ValueError:
            return None
    return text.strip().casefold() if isinstance(text, str) and text else None
