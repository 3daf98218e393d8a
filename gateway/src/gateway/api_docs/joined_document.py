"""The OpenAPI document of all public routes: joined from those of the services, and cached."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.api_docs.own_operations import GATEWAY_RESPONSES
from gateway.errors import Refusal
from gateway.routing.route import Route
from gateway.routing.routes import RouteTable

CACHE_SECONDS = 30.0
_VARIABLE = re.compile(r"\{[^}]*\}")
_METHODS = ("get", "post", "put", "patch", "delete")
_log = structlog.get_logger(__name__)
Fetch = Callable[[], Mapping[str, Any]]


class JoinedDocument:
    """Joins the documents of all services; of one that is down the last document is used."""

    def __init__(
        self,
        table: RouteTable,
        sources: Mapping[str, Fetch],
        server: str,
        version: str,
        *,
        now: Callable[[], float],
    ) -> None:
        self._sources = sources
        self._server = server
        self._version = version
        self._now = now
        self._table = table
        self._lock = threading.Lock()
        self._last: dict[str, Mapping[str, Any]] = {}
        self._joined: dict[str, Any] | None = None
        self._until = 0.0

    def get(self) -> dict[str, Any]:
        """Return the document (OpenAPI 3.1). One thread at a time fetches; the others get the cached document."""
        if self._joined is not None and (self._now() < self._until or self._lock.locked()):
            return self._joined
        with self._lock:
            if self._joined is None or self._now() >= self._until:
                complete = self._fetch()
                self._joined = self._join()
                self._until = self._now() + (CACHE_SECONDS if complete else CACHE_SECONDS / 10)
            return self._joined

    def _fetch(self) -> bool:
        complete = True
        for name, fetch in self._sources.items():
            try:
                self._last[name] = fetch()
            except Exception as error:  # noqa: BLE001 - any failure of one service leaves the others
                _log.warning("no OpenAPI document", source=name, reason=type(error).__name__)
                complete = False
        return complete

    def _join(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        components: dict[str, dict[str, Any]] = {}
        described: dict[str, str] = {}
        for name in filter(self._last.__contains__, self._sources):
            document = self._last[name]
            self._add(name, document, paths, components)
            described |= {each["name"]: each.get("description", "") for each in document.get("tags", ())}
        used = dict.fromkeys(tag for item in paths.values() for each in item.values() for tag in each["tags"])
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Touchstone",
                "version": self._version,
                "description": "All public routes of the services and of the gateway.",
            },
            "servers": [{"url": self._server}],
            "tags": [{"name": tag, "description": described.get(tag, "")} for tag in used],
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
                method: _refer(_operation(name, route, item[method]), renamed)
                for method in _METHODS
                if method in item and (route := self._route(name, method, path))
            }
            if kept:
                paths[path] = kept

    def _route(self, name: str, method: str, path: str) -> Route | None:
        """Return the service's public route with this path, None if there is none."""
        try:
            route = self._table.find(method.upper(), _VARIABLE.sub("x", path))
        except Refusal:
            return None
        return route if route.upstream == name else None


def _operation(name: str, route: Route, operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service's operation with what the gateway adds: its own answers, and the session cookie."""
    own = {"tags": [name], **operation, "responses": GATEWAY_RESPONSES | operation["responses"]}
    if "operationId" in own:
        own["operationId"] = f"{name}.{own['operationId']}"
    security = operation.get("security", [])
    if route.audience is not None or route.any_audience:
        own["security"] = [*security, *({"session": each["bearer"]} for each in security if "bearer" in each)]
    return own


def _refer(value: Any, renamed: Mapping[str, str]) -> Any:
    """Return the value with its `$ref`s renamed."""
    if not renamed:
        return value
    if isinstance(value, Mapping):
        return {
            k: renamed.get(v, v) if k == "$ref" and isinstance(v, str) else _refer(v, renamed)
            for k, v in value.items()
        }
    return [_refer(v, renamed) for v in value] if isinstance(value, list) else value
