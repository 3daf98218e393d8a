"""How each service is served as a process on this machine, for `make run` and the tests."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Service:
    """How one service is served: its package, its port's setting and default, its SQLite file.

    A service with its `own_server` is started as a module, with its port in the environment. A service that `verifies`
    tokens keeps snapshots of the issuer's documents.
    """

    package: str
    port_setting: str
    port: int
    database: str | None = None
    own_server: bool = False
    verifies: bool = True

    def command(self, port: int, workers: int = 1) -> list[str]:
        """Return the command that serves it on the loopback address, as in production."""
        if self.own_server:
            return [sys.executable, "-m", self.package]
        options = {
            "--interface": "asginl",  # see service_kit.server.asgi
            "--http": "1",
            "--host": LOOPBACK,
            "--port": str(port),
            "--workers": str(workers),
            "--log-level": "error",
        }
        words = [word for option in options.items() for word in option]
        return [sys.executable, "-m", "granian", "--no-ws", *words, f"{self.package}.asgi:app"]


SERVICES: Mapping[str, Service] = {
    "auth-service": Service("auth_service", "AUTH_PORT", 8081, "auth.db", verifies=False),
    "users-service": Service("users_service", "USERS_PORT", 8082, "users.db"),
    "orders-service": Service("orders_service", "ORDERS_PORT", 8083, "orders.db"),
    "gateway": Service("gateway", "GATEWAY_PORT", 8080, own_server=True),
}
