"""The OpenAPI document of all public routes: joined from those of the services, and cached."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.errors import Refusal
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
        for name in self._sources:
            if name in self._last:
                self._add(name, self._last[name], paths, components)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Touchstone",
                "version": self._version,
                "description": "All public routes of the services.",
            },
            "servers": [{"url": self._server}],
            "tags": [{"name": name} for name in self._sources if name in self._last],
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
    """Return the value with its `$ref`s renamed."""
    if not renamed:
        return value
    if isinstance(value, Mapping):
        return {
            k: renamed.get(v, v) if k == "$ref" and isinstance(v, str) else _refer(v, renamed)
            for k, v in value.items()
        }
    return [_refer(v, renamed) for v in value] if isinstance(value, list) else value


_STATUS: dict[str, Any] = {"type": "object", "properties": {"status": {"type": "string"}}}


def _operation(
    name: str, summary: str, *, media: str = "application/json", schema: Any = None
) -> dict[str, Any]:
    content = {media: {"schema": schema or _STATUS}}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "responses": {"200": {"description": "OK", "content": content}},
        }
    }


def gateway_document() -> dict[str, Any]:
    """Return the paths of the gateway's own routes."""
    ready = _operation("readyz", "Readiness, with the reasons if the gateway cannot serve.")
    ready["get"]["responses"]["503"] = {
        "description": "Not ready",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "paths": {
            "/livez": _operation("livez", "Liveness of the process."),
            "/readyz": ready,
            "/openapi.json": _operation("openapi", "This document.", schema={"type": "object"}),
            "/docs": _operation(
                "docs", "This document as a page.", media="text/html", schema={"type": "string"}
            ),
        }
    }
