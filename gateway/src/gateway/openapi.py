"""The joined OpenAPI document: what the services say of their public routes, fetched when asked for and kept a while."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.errors import Refusal
from gateway.routes import Table

FRESH = 30.0  # seconds
_VARIABLE = re.compile(r"\{[^}]*\}")
_METHODS = ("get", "post", "put", "patch", "delete")
_log = structlog.get_logger(__name__)
Fetch = Callable[[], Mapping[str, Any]]


class Documents:
    """Joins the documents of all services; one that is down is spoken for by what it said last."""

    def __init__(
        self,
        sources: Mapping[str, Fetch],
        server: str,
        version: str,
        *,
        now: Callable[[], float],
        table: Table | None = None,
    ) -> None:
        self._sources = sources
        self._server = server
        self._version = version
        self._now = now
        self._table = table or Table()
        self._lock = threading.Lock()
        self._had: dict[str, Mapping[str, Any]] = {}
        self._joined: dict[str, Any] | None = None
        self._until = 0.0

    def joined(self) -> dict[str, Any]:
        """Return the document (OpenAPI 3.1). One thread at a time asks the services; the others get what there is."""
        if self._joined is not None and (self._now() < self._until or self._lock.locked()):
            return self._joined
        with self._lock:
            if self._joined is None or self._now() >= self._until:
                whole = self._fetch()
                self._joined = self._join()
                self._until = self._now() + (FRESH if whole else FRESH / 10)
            return self._joined

    def _fetch(self) -> bool:
        whole = True
        for name, fetch in self._sources.items():
            try:
                self._had[name] = fetch()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are shown
                _log.warning("no OpenAPI document", source=name, reason=type(error).__name__)
                whole = False
        return whole

    def _join(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        components: dict[str, dict[str, Any]] = {}
        for name in self._sources:
            if name in self._had:
                self._add(name, self._had[name], paths, components)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Touchstone",
                "version": self._version,
                "description": "All public routes of the house.",
            },
            "servers": [{"url": self._server}],
            "tags": [{"name": name} for name in self._sources if name in self._had],
            "paths": paths,
            "components": components,
        }

    def _add(
        self,
        name: str,
        document: Mapping[str, Any],
        paths: dict[str, Any],
        components: dict[str, dict[str, Any]],
    ) -> None:
        own = document.get("components", {})
        renamed = {
            f"#/components/{kind}/{key}": f"#/components/{kind}/{name}.{key}"
            for kind, members in own.items()
            for key, value in members.items()
            if components.get(kind, {}).get(key, value) != value
        }
        for kind, members in own.items():
            for key, value in members.items():
                new = renamed.get(f"#/components/{kind}/{key}", key).rpartition("/")[2]
                components.setdefault(kind, {})[new] = _refer(value, renamed)
        for path, item in document.get("paths", {}).items():
            kept = {
                m: _refer(self._operation(name, item[m]), renamed)
                for m in _METHODS
                if self._public(name, m, path, item)
            }
            if kept:
                paths[path] = kept

    def _public(self, name: str, method: str, path: str, item: Mapping[str, Any]) -> bool:
        if method not in item:
            return False
        try:
            return self._table.find(method.upper(), _VARIABLE.sub("x", path)).upstream == name
        except Refusal:
            return False

    @staticmethod
    def _operation(name: str, operation: Mapping[str, Any]) -> dict[str, Any]:
        own = dict(operation)
        own["tags"] = [name]
        if "operationId" in own:
            own["operationId"] = f"{name}.{own['operationId']}"
        return own


def _refer(value: Any, renamed: Mapping[str, str]) -> Any:
    """Return the value with its references renamed."""
    if not renamed:
        return value
    if isinstance(value, Mapping):
        return {
            k: renamed.get(v, v) if k == "$ref" and isinstance(v, str) else _refer(v, renamed)
            for k, v in value.items()
        }
    return [_refer(v, renamed) for v in value] if isinstance(value, list) else value
