"""The client's address and scheme behind trusted proxies: X-Forwarded-For, X-Forwarded-Proto, Forwarded (RFC 7239).

A proxy appends the address of its own client to what that client has sent. So the headers are read from the right,
and only as far as trusted proxies have written them.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

Network = IPv4Network | IPv6Network
MAX_HOPS = 16  # trusted proxies that one request may have passed
MAX_HOP = 512  # characters of what one of them writes
_NODE = re.compile(
    r"\[([0-9a-fA-F:.]{2,45})\](?::[0-9]{1,5})?|([0-9.]{7,15})(?::[0-9]{1,5})?|([0-9a-fA-F:.]{2,45})"
)
_TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
# A forwarded-pair; without commas, semicolons and backslashes in quotes, so that both separators can be split at.
_PAIR = re.compile(rf'({_TCHAR}+)=((?:{_TCHAR}|[:\[\]])+|"[^",;\\]*")')


class AmbiguousClientError(ValueError):
    """X-Forwarded-For and Forwarded name different clients, and either may be the client's own."""

    def __init__(self) -> None:
        super().__init__(
            "X-Forwarded-For and Forwarded name different clients. A proxy must set one and remove the other."
        )


class Client(NamedTuple):
    """Where a request comes from: an IP address, empty if the peer has none (a Unix socket), and `http` or `https`."""

    address: str
    scheme: str


class TrustedProxies:
    """Finds the client of a request. Without networks it is the peer, whatever the headers say."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self.networks = tuple(networks)
        self.trusts = lru_cache(maxsize=4096)(self._trusts)

    def client(self, peer: str, scheme: str, *, forwarded_for: str, forwarded: str, proto: str) -> Client:
        """Return the client of a request with this peer, which connected with this scheme.

        The other arguments are the values of X-Forwarded-For, Forwarded and X-Forwarded-Proto, several lines joined
        with commas, empty if there is none. From a trusted peer the right-most address that is not trusted counts; at
        what is not an address (`unknown`, an obfuscated identifier, text of the client) the last address before it
        counts. Raise AmbiguousClientError if both headers are there and name different clients.
        """
        peer = normal_address(peer)
        if not self.networks or not self.trusts(peer):
            return Client(peer, scheme)
        found = {
            self._walk(peer, value, node)
            for value, node in ((forwarded_for, str), (forwarded, _node_of))
            if value.strip()
        }
        if len(found) > 1:
            raise AmbiguousClientError
        last = proto.rpartition(",")[2].strip().lower()
        return Client(found.pop() if found else peer, last if last in {"http", "https"} else scheme)

    def _trusts(self, address: str) -> bool:
        """Return whether a normal address is in one of the networks."""
        return bool(address) and any(ip_address(address) in network for network in self.networks)

    def _walk(self, found: str, value: str, node: Callable[[str], str]) -> str:
        for hop in reversed(value.rsplit(",", MAX_HOPS)):
            address = "" if len(hop) > MAX_HOP else _address_of(node(hop.strip(" \t")))
            if not address:
                break
            found = address
            if not self.trusts(found):
                break
        return found


def parse_networks(value: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list of addresses and networks; raise ValueError with all faults."""
    networks, faults = [], []
    for number, text in enumerate(value.split(","), 1):
        try:
            networks.append(ip_network(text.strip()))
            if not networks[-1].prefixlen:
                faults.append(f"entry {number} contains every address, so clients could choose their own")
        except ValueError:
            faults.append(
                f"entry {number} is not an address or network such as 10.0.0.0/8 (host bits must be 0)"
            )
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(networks)


@lru_cache(maxsize=4096)
def normal_address(text: str) -> str:
    """Return an IP address in its one form: IPv4 if it is mapped into IPv6, without a zone; empty if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)


def _address_of(node: str) -> str:
    """Return the address of `192.0.2.1:80`, `[2001:db8::1]:80` or one without a port; empty for anything else."""
    match = _NODE.fullmatch(node)
    return "" if match is None else normal_address(match[match.lastindex or 0])


def _node_of(element: str) -> str:
    """Return the node that the one `for` of a forwarded-element names; empty if the element is not well-formed."""
    pairs = [_PAIR.fullmatch(pair.strip(" \t")) for pair in element.split(";")]
    nodes = [pair[2].strip('"') for pair in pairs if pair is not None and pair[1].lower() == "for"]
    return nodes[0] if len(nodes) == 1 and None not in pairs else ""
