"""The origin of the current request or command, in a context variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

IPV6_NETWORK = 64  # bits; the least that one customer of a provider gets


def network_of(address: str | None) -> str:
    """Return the network of an address: itself for IPv4, its first 64 bits for IPv6, "loopback", or "" for none."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return "loopback"
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, IPV6_NETWORK), strict=False))  # noqa: PLR2004 - the IP version


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """The network address, request id and program of a request, or the operator of a command."""

    address: str | None = None
    request_id: str | None = None
    operator: str | None = None
    user_agent: str | None = None


_origin: ContextVar[RequestOrigin | None] = ContextVar("origin", default=None)


def current_origin() -> RequestOrigin:
    """Return the origin of this context."""
    return _origin.get() or RequestOrigin()


def set_origin(origin: RequestOrigin) -> None:
    """Set the origin of this context."""
    _origin.set(origin)


@contextmanager
def with_origin(origin: RequestOrigin) -> Iterator[None]:
    """Set the origin within the block."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
