"""Routes and upstreams: the rows of routes.toml and of ROUTES_FILE, checked, and the route of a request."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.errors import Refusal
from gateway.routing.route import GATEWAY, NAME, Route, Row, UpstreamRow

ROUTES_FILE = Path(__file__).with_name("routes.toml")
_VALUE = "[A-Za-z0-9._~:@+=-]{1,256}"  # what may take the place of a placeholder


@dataclass(frozen=True, eq=False)
class RouteTable:
    """Finds the route of a request. Of several paths that match, the one with the fewest placeholders counts."""

    routes: Sequence[Route]
    upstreams: Mapping[str, UpstreamRow]

    def find(self, method: str, path: str) -> Route:
        """Return the route of a canonical path.

        Raise Refusal: 404 for an unknown path, 405 with Allow for a method that it does not have.
        """
        methods = self._plain.get(path) or self._match(path)
        if methods is None:
            raise Refusal("not_found", "There is no resource at this path.")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise Refusal("method_not_allowed", f"Allowed methods: {allowed}.", (b"allow", allowed.encode()))
        return route

    def audiences(self) -> frozenset[str]:
        """Return the audiences of all routes."""
        return frozenset(route.audience for route in self.routes if route.audience is not None)

    def _match(self, path: str) -> dict[str, Route] | None:
        for pattern, methods in self._patterns:
            if pattern.fullmatch(path):
                return methods
        return next((methods for prefix, methods in self._prefixes if path.startswith(prefix)), None)

    @cached_property
    def _plain(self) -> dict[str, dict[str, Route]]:
        return _by_method(route for route in self.routes if route.path == route.shape)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], dict[str, Route]]]:
        found = _by_method(route for route in self.routes if "{" in route.shape)
        ordered = sorted(found.items(), key=lambda item: item[0].count("{}"))
        return [(re.compile(_VALUE.join(map(re.escape, shape.split("{}")))), each) for shape, each in ordered]

    @cached_property
    def _prefixes(self) -> list[tuple[str, dict[str, Route]]]:
        return list(_by_method(route for route in self.routes if route.prefix).items())


def _by_method(routes: Iterable[Route]) -> dict[str, dict[str, Route]]:
    """Return the routes by their shape, then by method."""
    found: dict[str, dict[str, Route]] = {}
    for route in routes:
        found.setdefault(route.shape, {}).update(dict.fromkeys(route.methods, route))
    return found


RowType = TypeVar("RowType", bound=Row)


class RoutesError(ValueError):
    """The rows have faults: one line for each."""


def load_routes(*files: Path) -> RouteTable:
    """Return the routes and upstreams of routes.toml, and of further files that may only add to it.

    Raise RoutesError with one line for each fault of all files, which names the file and the row's path.
    """
    rows = _Rows()
    for file in (ROUTES_FILE, *files):
        rows.read(file)
    upstreams = {name: upstream for name, upstream in rows.upstreams.items() if upstream is not None}
    faults = [*rows.faults, *_upstream_conflicts(upstreams), *_route_conflicts(rows.routes)]
    if faults:
        raise RoutesError("\n".join(faults))
    return RouteTable([route for _, route in rows.routes], upstreams)


class _Rows:
    """The rows read so far, and the faults found in them."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.upstreams: dict[str, UpstreamRow | None] = {GATEWAY: None}  # None: the gateway itself, or faulty
        self.routes: list[tuple[str, Route]] = []  # each with its place

    def read(self, file: Path) -> None:
        """Add the rows of a file."""
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            self.faults.append(f"{file.name}: cannot be read ({error.strerror})")
            return
        except (ValueError, RecursionError) as error:  # of TOML or of UTF-8
            self.faults.append(f"{file.name}: {error}")
            return
        upstreams, routes = tables.pop("upstreams", {}), tables.pop("routes", [])
        self.faults += [f"{file.name}: {name}: There is no table of this name" for name in tables]
        if isinstance(upstreams, dict):
            for name, row in upstreams.items():
                self._add_upstream(name, row, f"{file.name}: upstream {name}")
        else:
            self.faults.append(f"{file.name}: upstreams: must be tables, as [upstreams.NAME]")
        if isinstance(routes, list) and all(isinstance(row, dict) for row in routes):
            for number, row in enumerate(routes, 1):
                place = row.get("path") or row.get("prefix") or f"route {number}"
                self._add_route(row, f"{file.name}: {place}")
        else:
            self.faults.append(f"{file.name}: routes: must be tables, each begun by [[routes]]")

    def _add_upstream(self, name: str, row: Any, place: str) -> None:
        if not re.fullmatch(NAME, name):
            self.faults.append(f"{place}: a name has 1 to 63 lower-case letters, digits and hyphens")
        if name in self.upstreams:
            self.faults.append(f"{place}: this name is taken")
            return
        self.upstreams[name] = self._record(UpstreamRow, row, place)

    def _add_route(self, row: Mapping[str, Any], place: str) -> None:
        name = str(row.get("upstream", GATEWAY))
        if name not in self.upstreams:
            self.faults.append(f"{place}: upstream: there is none of the name {name}")
        upstream = self.upstreams.get(name)
        times = upstream.model_dump(include={"timeout", "idle_timeout"}) if upstream else {}
        route = self._record(Route, times | dict(row), place)
        if route is not None:
            self.routes.append((place, route))

    def _record(self, cls: type[RowType], row: Any, place: str) -> RowType | None:
        try:
            return cls.model_validate(row)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False):
                field = "".join(f"{part}: " for part in fault["loc"])
                self.faults.append(f"{place}: {field}{fault['msg'].removeprefix('Value error, ')}")
        return None


def _upstream_conflicts(upstreams: Mapping[str, UpstreamRow]) -> Iterator[str]:
    for (one, first), (other, second) in combinations(upstreams.items(), 2):
        if first.settings == second.settings:
            yield f"upstreams {one} and {other}: the names of their settings both begin with {first.settings}"


def _route_conflicts(routes: Sequence[tuple[str, Route]]) -> Iterator[str]:
    for (place, one), (where, other) in combinations(routes, 2):
        if one.shape == other.shape:
            if twice := ", ".join(sorted(one.methods & other.methods)):
                yield f"{where}: {place} is a row for {twice} already"
        elif _covers(one, other) or _covers(other, one):
            yield f"{where}: a prefix may not cover another row ({place})"
        elif _overlap(one, other):
            yield f"{where}: some paths match {place} too, and neither is more specific"


def _covers(one: Route, other: Route) -> bool:
    """Return whether `one` is a prefix below which paths of `other` are."""
    above, segments = one.shape.split("/")[:-1], other.shape.split("/")
    return one.prefix is not None and len(segments) > len(above) and all(map(_fit, above, segments))


def _overlap(one: Route, other: Route) -> bool:
    """Return whether paths match both, and each has a placeholder where the other has none."""
    left, right = one.shape.split("/"), other.shape.split("/")
    fit = len(left) == len(right) and all(map(_fit, left, right))
    unlike = [pair for pair in zip(left, right, strict=False) if pair[0] != pair[1]]
    return fit and {a == "{}" for a, _ in unlike} == {True, False}


def _fit(one: str, other: str) -> bool:
    return one == other or "{}" in (one, other)
