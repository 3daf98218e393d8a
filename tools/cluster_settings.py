"""What `make run` starts: the four services, their ports, their settings."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service_kit.server import service_table
from service_kit.server.service_table import LOOPBACK

ROOT = Path(__file__).resolve().parent.parent
LAST_PORT = 65535
NOTE = "settings.json"
# What commands need to know of the last `make run`, to work on the same keys and clients; never a secret.
NOTED = (
    "ACCESS_TOKEN_TTL",
    "CLIENTS_FILE",
    "ISSUER",
    "JWKS_MAX_AGE",
    "KEYS_DIR",
    "KEY_ROTATION_INTERVAL",
    "PKCS11_MODULE",
    "PKCS11_TOKEN",
    "REFRESH_TOKEN_IDLE_TTL",
    "REFRESH_TOKEN_TTL",
    "SIGNING_STORE",
    "STATUS_LIST_SIZE",
)


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the cluster, at the port that was chosen for it."""

    name: str
    port: int
    how: service_table.Service

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def command(self) -> str:
        """The shell line that becomes the server itself, so that its process is the one that is watched."""
        return f"exec {shlex.join(self.how.command(self.port))}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The services in the order in which they start, and where they keep what they make."""

    services: tuple[Service, ...]
    issuer: str
    keys: Path
    var: Path
    environ: Mapping[str, str]

    def __getitem__(self, name: str) -> Service:
        """Return the service of that name."""
        return next(service for service in self.services if service.name == name)

    def environment(self, service: Service) -> dict[str, str]:
        """Return the settings of one service: what the user set, and what it needs beside."""
        settings = {
            "DEMO": "1",
            "MAIL_URL": f"file:{self.var / 'mail'}",
            "MALLOC_ARENA_MAX": "2",  # else the mint's many threads keep the memory of password hashes
        } | dict(self.environ)
        settings |= {each.how.port_setting: str(each.port) for each in self.services}
        settings |= {
            "GATEWAY_HOST": LOOPBACK,
            "ISSUER": self.issuer,
            "KEYS_DIR": str(self.keys),
            "PYTHONUNBUFFERED": "1",
        }
        for own in ("DATABASE_URL", "SNAPSHOTS_DIR"):  # one for all would be another's
            settings.pop(own, None)
        if service.how.verifies:
            settings["SNAPSHOTS_DIR"] = str(self.var / "snapshots" / service.name)
        if database := self.database(service):
            settings["DATABASE_URL"] = f"sqlite:///{database}"
        return settings

    def database(self, service: Service) -> Path | None:
        """Name the SQLite file of a service, if it has one."""
        return self.var / service.how.database if service.how.database else None

    def log(self, service: Service) -> Path:
        """Name the file that a service's output goes to."""
        return self.var / "log" / f"{service.name}.log"

    def write_note(self) -> None:
        """Keep the settings that `read_note` returns."""
        kept = {name: self.environ[name] for name in NOTED if self.environ.get(name)}
        kept |= {"ISSUER": self.issuer, "KEYS_DIR": str(self.keys)}
        (self.var / NOTE).write_text(json.dumps(kept))


def read_note(root: Path = ROOT) -> dict[str, str] | None:
    """Return the settings of the last `make run`, None if there was none or they cannot be read."""
    try:
        found: dict[str, str] = json.loads((root / "var" / NOTE).read_text())
    except (OSError, ValueError):
        return None
    return found


def read_plan(environ: Mapping[str, str], root: Path = ROOT) -> tuple[Plan, list[str]]:
    """Return the plan and every fault of it, one line each."""
    faults: list[str] = []
    services = []
    for name, how in service_table.SERVICES.items():
        setting = how.port_setting
        text = environ.get(setting) or str(how.port)
        if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
            faults.append(f"{setting}={text} is not a port number (1 to {LAST_PORT})")
            continue
        services.append(Service(name, int(text), how))
    for position, service in enumerate(services):
        faults += [
            f"{other.how.port_setting} and {service.how.port_setting} are both {service.port}"
            for other in services[:position]
            if other.port == service.port
        ]
    gateway_port = environ.get("GATEWAY_PORT") or "8080"
    plan = Plan(
        services=tuple(services),
        issuer=environ.get("ISSUER") or f"http://localhost:{gateway_port}",
        keys=Path(environ.get("KEYS_DIR") or root / "keys").absolute(),
        var=root / "var",
        environ=environ,
    )
    return plan, faults


def taken_ports(plan: Plan) -> list[str]:
    """Return one line for each port of the plan that something listens on already."""
    return [
        f"port {service.port} for the {service.name} is taken, perhaps by another `make run`; "
        f"stop what listens there, or choose another: {service.how.port_setting}={service.port % 50000 + 10000} make run"
        for service in plan.services
        if is_taken(service.port)
    ]


def is_taken(port: int) -> bool:
    """Whether something listens there already, on loopback or on every address."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((LOOPBACK, port)) == 0:
            return True
    with socket.socket() as probe:
        # As the server does: the past does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
