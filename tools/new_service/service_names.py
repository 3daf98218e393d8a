"""Which names a new service can have."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator

import yaml
from pydantic_settings import BaseSettings
from service_files import COMPOSE, REGISTRY, ROOT, ROUTES, read

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_MAX = 30
# Paths that the gateway has, or will have, beside those in its routes.
GATEWAY_PATHS = {"metrics"}
# Databases and roles of PostgreSQL itself; `pg_` is its prefix.
POSTGRESQL_NAMES = re.compile(r"postgres|template[01]|pg(_.*)?|public|none")


def names_taken() -> Iterator[tuple[str, set[str]]]:
    """Yield what may not be used again, and by what: each a form of the name in `forms`."""
    registry, routes = read(REGISTRY), read(ROUTES)
    audiences = registry.get("audiences", {})
    upstreams = routes["upstreams"]
    yield "folder", {path.name for path in ROOT.iterdir()}
    yield "audience", set(audiences)
    yield "client", set(registry.get("clients", {}))
    yield "upstream", set(upstreams)
    yield "scope", {scope for audience in audiences.values() for scope in audience.get("scopes", {})}
    yield "setting", {f"{row['settings']}_PORT" for row in upstreams.values()} | settings_of_services()
    compose = yaml.safe_load((ROOT / COMPOSE).read_text(encoding="utf-8"))
    yield "volume", set(compose["volumes"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    yield "command", {f"make {target}" for target in re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)}
    paths = (route.get("path") or route["prefix"] for route in routes["routes"])
    yield "path", {f"/{path.split('/')[1]}" for path in paths} | {f"/{each}" for each in GATEWAY_PATHS}


def forms(name: str) -> set[str]:
    """Return the forms of a name that must be free."""
    prefix = name.replace("-", "_").upper()
    return {
        f"{name}-service",
        *(f"{name}:{right}" for right in ("read", "write")),
        *(f"{prefix}_{what}" for what in ("PORT", "URL")),
        *(f"{name}-{what}" for what in ("secrets", "client", "snapshots")),
        f"make {name}",
        f"/{name}",
    }


def settings_of_services() -> set[str]:
    """Return the names of all settings of the services that there are."""
    for folder in [*ROOT.glob("*-service"), ROOT / "gateway"]:
        package = f"{folder.name.replace('-', '_')}.settings"
        if importlib.util.find_spec(package):
            importlib.import_module(package)

    def fields(cls: type[BaseSettings]) -> set[str]:
        return set(cls.model_fields).union(*(fields(each) for each in cls.__subclasses__()))

    return {field.upper() for field in fields(BaseSettings)}


def name_faults(name: str) -> list[str]:
    """Return one line for each reason why no new service can have this name."""
    if not NAME.fullmatch(name) or len(name) > NAME_MAX:
        rule = f"words of a-z and 0-9, joined by hyphens, of at most {NAME_MAX} characters together"
        return [f"NAME={name} must be {rule}, such as inventory or stock-keeping"]
    if name.endswith("-service") or name == "service":
        return [f"NAME={name} must be without `-service`, which is added"]
    package = name.replace("-", "_")
    faults = [
        f"NAME={name}: the {kind} {each} exists already"
        for kind, taken in names_taken()
        for each in sorted(forms(name) & taken)
    ]
    if not faults and importlib.util.find_spec(f"{package}_service"):
        faults.append(f"NAME={name}: the Python package {package}_service is installed already")
    if POSTGRESQL_NAMES.fullmatch(package):
        faults.append(f"NAME={name}: PostgreSQL reserves {package} for itself")
    return faults


def next_port() -> int:
    """Return the lowest free port above those of the upstreams."""
    return 1 + max(int(row["port"]) for row in read(ROUTES)["upstreams"].values())
