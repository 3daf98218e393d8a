"""How each service is run as a process of this machine: a table."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """How one service is run: its package, its port's setting, its threads, its data, whether it brings a server."""

    package: str
    port: str
    threads: int = 8
    database: str | None = None
    own_server: bool = False

    def command(self, port: int, workers: int) -> list[str]:
        """Return the production way to serve it; a service with a server of its own is one process at its own port."""
        if self.own_server:
            return [sys.executable, "-m", self.package]
        options = {
            "--interface": "wsgi",
            "--host": "127.0.0.1",
            "--port": str(port),
            "--workers": str(workers),
            "--blocking-threads": str(self.threads),
            "--log-level": "warning",
        }
        pairs = [part for option in options.items() for part in option]
        return [sys.executable, "-m", "granian", "--no-ws", *pairs, f"{self.package}.wsgi:app"]


SERVICES: Mapping[str, Service] = {
    "auth-service": Service("auth_service", "AUTH_PORT", 16, "auth.db"),
    "users-service": Service("users_service", "USERS_PORT", 8, "users.db"),
    "orders-service": Service("orders_service", "ORDERS_PORT", 8, "orders.db"),
    "gateway": Service("gateway", "GATEWAY_PORT", own_server=True),
}


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
