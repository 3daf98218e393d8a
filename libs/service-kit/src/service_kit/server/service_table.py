"""Which services a checkout has, and how each is served as a process on this machine, for `make run` and the tests."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
ROUTES_FILE = Path("gateway", "src", "gateway", "routing", "routes.toml")


@dataclass(frozen=True, slots=True)
class Service:
    """How one service is served: its package, its port, and how the names of its settings begin.

    A service with its `own_server` is started as a module, with its port in the environment, and has no database.
    """

    package: str
    settings: str
    port: int
    own_server: bool = False

    @property
    def port_setting(self) -> str:
        """The setting of its port."""
        return f"{self.settings}_PORT"

    @property
    def url_setting(self) -> str:
        """The setting of its address, for its callers."""
        return f"{self.settings}_URL"

    @property
    def database(self) -> str | None:
        """The name of its SQLite file."""
        return None if self.own_server else f"{self.settings.lower()}.db"

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


GATEWAY = Service("gateway", "GATEWAY", 8080, own_server=True)


class ServiceTableError(ValueError):
    """The folders and the upstreams of a checkout do not fit: one line for each fault."""


def read_services(root: Path) -> dict[str, Service]:
    """Return the services of the checkout at `root` by name, in the order of their upstreams; the gateway is the last.

    Each folder `*-service` is a service, with port and settings of its row in the gateway's routes.toml. Raise
    ServiceTableError if a folder has no row or a row no folder, or if that file cannot be read.
    """
    try:
        rows = tomllib.loads((root / ROUTES_FILE).read_text(encoding="utf-8"))["upstreams"]
        found = {
            name: Service(name.replace("-", "_"), str(row["settings"]), int(row["port"]))
            for name, row in rows.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ServiceTableError(f"the upstreams of {ROUTES_FILE} cannot be read: {error!r}") from None
    folders = {file.parent.name for file in root.glob("*-service/pyproject.toml")}
    faults = [f"{name}/ has no row [upstreams.{name}] in {ROUTES_FILE}" for name in folders - found.keys()]
    faults += [
        f"[upstreams.{name}] in {ROUTES_FILE} has no folder {name}/" for name in found.keys() - folders
    ]
    if faults:
        raise ServiceTableError("\n".join(sorted(faults)))
    return found | {GATEWAY.package: GATEWAY}
