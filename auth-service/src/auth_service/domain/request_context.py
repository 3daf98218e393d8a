"""TODO."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

IPV6_NETWORK = 64  # one household has at least such a network


def network_of(address: str | None) -> str:
    """Return the network that counts as one: an IPv4 address, 64 bits of an IPv6 address; "" for none."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return "loopback"
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, IPV6_NETWORK), strict=False))  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """From where something is asked: the network address, the request's id, who runs a command by hand, what program."""

    address: str | None = None
    request_id: str | None = None
    operator: str | None = None
    user_agent: str | None = None


_origin: ContextVar[RequestOrigin | None] = ContextVar("origin", default=None)


def current_origin() -> RequestOrigin:
    """Say from where the work of this context is asked for."""
    return _origin.get() or RequestOrigin()


def set_origin(origin: RequestOrigin) -> None:
    """Have whatever this context does from now on say that it came from there."""
    _origin.set(origin)


@contextmanager
def with_origin(origin: RequestOrigin) -> Iterator[None]:
    """Have everything that is recorded inside the block say that it came from there."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
