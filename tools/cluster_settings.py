"""The settings of the cluster that `make run` starts: ports, folders, and the environment of each service."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from service_kit.server.service_table import LOOPBACK, Service, ServiceTableError, read_services

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
SAVED_SETTINGS = VAR / "settings.json"
# With these settings of the last `make run` commands work on the same keys and clients. None of them is secret.
SAVED = (
    "ACCESS_TOKEN_TTL",
    "REGISTRY_FILE",
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
class ClusterSettings:
    """What an environment says of the cluster; `ports` by service, in the order in which they start."""

    services: Mapping[str, Service]
    ports: Mapping[str, int]
    issuer: str
    keys: Path
    environ: Mapping[str, str]

    @property
    def stopped_services(self) -> Path | None:
        """The file of the services that the console has stopped; None without the demo."""
        return VAR / "stopped-services.json" if self.environ.get("DEMO", "1") == "1" else None

    def url(self, name: str) -> str:
        """Return the address at which a service listens."""
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service: what the user has set, and what the service needs."""
        own = {
            "GATEWAY_HOST": LOOPBACK,
            "ISSUER": self.issuer,
            "KEYS_DIR": str(self.keys),
            "PYTHONUNBUFFERED": "1",
            "SNAPSHOTS_DIR": str(VAR / "snapshots" / name),
        }
        if name == "gateway":
            own["STOPPED_SERVICES_FILE"] = str(self.stopped_services or "")
        else:
            own["TRUSTED_PROXIES"] = LOOPBACK  # where the gateway is; the user's setting is the gateway's
        if database := self.database(name):
            own["DATABASE_URL"] = f"sqlite:///{database}"
        # Without MALLOC_ARENA_MAX the many threads of auth-service keep the memory of password hashes.
        defaults = {"DEMO": "1", "MAIL_URL": f"file:{VAR / 'mail'}", "MALLOC_ARENA_MAX": "2"}
        given = {key: value for key, value in self.environ.items() if key != "DATABASE_URL"}
        for each, service in self.services.items():
            own[service.port_setting] = str(self.ports[each])
            defaults[service.url_setting] = self.url(each)
        return defaults | given | own

    def database(self, name: str) -> Path | None:
        """Return the SQLite file of a service, None if it has no database."""
        file = self.services[name].database
        return VAR / file if file else None

    def save(self) -> None:
        """Keep what `saved_settings` returns."""
        found = dict(self.environ) | {"ISSUER": self.issuer, "KEYS_DIR": str(self.keys)}
        SAVED_SETTINGS.write_text(json.dumps({name: found[name] for name in SAVED if found.get(name)}))

    def taken_ports(self) -> Iterator[str]:
        """Yield one line for each port at which something listens already."""
        for name, port in self.ports.items():
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    yield (
                        f"port {port} for {name} is taken, perhaps by another `make run`; stop what listens there, or "
                        f"choose another port: {self.services[name].port_setting}={port % 50000 + 10000} make run"
                    )


def saved_settings() -> dict[str, str] | None:
    """Return the settings of the last `make run`, None if there are none or they cannot be read."""
    try:
        found: dict[str, str] = json.loads(SAVED_SETTINGS.read_text())
    except (OSError, ValueError):
        return None
    return found


def read_settings(environ: Mapping[str, str]) -> tuple[ClusterSettings, list[str]]:
    """Return the settings that an environment holds, and one line for each fault in it."""
    ports, faults = {}, []
    services: Mapping[str, Service] = {}
    try:
        services = read_services(ROOT)
    except ServiceTableError as error:
        faults += str(error).splitlines()
    for name, service in services.items():
        text = environ.get(service.port_setting) or str(service.port)
        if text.isascii() and text.isdecimal() and 0 < int(text) < 2**16:
            ports[name] = int(text)
        else:
            faults.append(f"{service.port_setting}={text} is not a port number (1 to 65535)")
    faults += [
        f"{services[one].port_setting} and {services[two].port_setting} are both {ports[one]}"
        for one, two in combinations(ports, 2)
        if ports[one] == ports[two]
    ]
    issuer = environ.get("ISSUER") or f"http://localhost:{ports.get('gateway')}"
    keys = Path(environ.get("KEYS_DIR") or ROOT / "keys").absolute()
    return ClusterSettings(services, ports, issuer, keys, environ), faults
