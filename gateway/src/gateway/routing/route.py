"""One route, and one upstream: the rows of routes.toml, each checked by itself."""

import re
from functools import cached_property
from typing import Annotated, Final, Literal

from limits import parse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from service_kit.settings import Port
from touchstone import arguments

from gateway.errors import Refusal
from gateway.request_body import MAX_BODY, MAX_ROUTE_BODY
from gateway.routing.target import canonical

GATEWAY: Final = "gateway"  # the upstream of routes that the gateway answers itself
LIMITS = frozenset({"client", "login", "account"})
MAX_RATE = 1_000_000  # requests in any period
MAX_PERIOD = 31 * 24 * 3600  # seconds
MAX_LONG_POLLS = 1000
_TAKEN = frozenset({"GATEWAY", "VALKEY"})
_SETTINGS = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_PLACEHOLDER = re.compile(r"\{\w+\}")


def _path(value: str) -> str:
    """Return a path in canonical form, of whose segments each may be a `{placeholder}`."""
    try:
        path = canonical(_PLACEHOLDER.sub("x", value).encode(), b"")
    except Refusal:
        path = ""
    names = _PLACEHOLDER.findall(value)
    whole = all(_PLACEHOLDER.fullmatch(segment) or "{" not in segment for segment in value.split("/"))
    if not path or "%" in value or not whole or len(set(names)) < len(names):
        raise ValueError("must be a canonical path, of which segments may be {names}, each different")
    return value


def _no_slash_at_end(value: str) -> str:
    if value != "/" and value.endswith("/"):
        raise ValueError("must not end with a slash")
    return value


def _prefix(value: str) -> str:
    if not value.endswith("/") or value == "/" or "{" in value:
        raise ValueError("must end with a slash, have a segment before it, and no placeholder")
    return value


def _settings(value: str) -> str:
    if not _SETTINGS.fullmatch(value) or value in _TAKEN:
        raise ValueError("must begin the names of settings, such as ORDERS, and not be GATEWAY or VALKEY")
    return value


def rate(value: str) -> str:
    """Return a rate such as 30/minute; raise ValueError for another text."""
    try:
        item = parse(value)
        sound = 0 < item.amount <= MAX_RATE and 0 < item.get_expiry() <= MAX_PERIOD
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(f"must be a rate such as 30/minute, of 1 to {MAX_RATE} in at most 31 days")
    return value


def _limit(value: str) -> str:
    try:
        return value if value in LIMITS else rate(value)
    except ValueError:
        raise ValueError(
            f"must be client, login, account or a rate such as 30/minute, of 1 to {MAX_RATE} in at most 31 days"
        ) from None


def _with_head(methods: frozenset[str]) -> frozenset[str]:
    return methods | {"HEAD"} if "GET" in methods else methods


NAME = "[a-z][a-z0-9-]{0,62}"
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["normal", "long_poll", "stream"]
Cors = Literal["public", "configured", "service"]


class Row(BaseModel):
    """A row: unknown keys and other types are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class UpstreamRow(Row):
    """A service: `settings` begins the names of its settings, as STOCK those of STOCK_URL and STOCK_PORT.

    `port` is the default of the latter. Times are in seconds, and defaults of its routes; see Route. `long_polls` bounds
    those under way at once; without it half of WAITING_REQUESTS does.
    """

    settings: Annotated[str, AfterValidator(_settings)]
    port: Port
    timeout: Seconds = 5.0
    idle_timeout: Seconds = 60.0
    long_polls: Annotated[int, Field(ge=0, le=MAX_LONG_POLLS)] | None = None


class Route(Row):
    """One path, or all paths below a prefix, with its methods, its service and what a request needs.

    `audience` is that of the token, None on public routes, where credentials are passed on unchecked; with
    `any_audience` the service takes a token of any audience, also that of a browser session. The token must have all
    `scopes`, and with `fresh` be confirmed recently. `limits` are names of rate limits, or rates of the route's own.
    `kind`: the answer to a `long_poll` may take longer if the client sends `Prefer: wait=N` (RFC 7240); that of a
    `stream` must begin within `timeout` seconds, and then pauses for at most `idle_timeout`; any other must be complete
    within `timeout`. `max_body` is in bytes: at most 16 MiB, and 64 KiB where the gateway reads the body itself. With
    `html` errors are pages, for people with browsers.
    """

    path: Annotated[str, AfterValidator(_path), AfterValidator(_no_slash_at_end)] | None = None
    prefix: Annotated[str, AfterValidator(_path), AfterValidator(_prefix)] | None = None
    methods: Annotated[frozenset[Method], Field(min_length=1, strict=False), AfterValidator(_with_head)]
    upstream: Name
    audience: Annotated[str, Field(min_length=1)] | None = None
    any_audience: bool = False
    scopes: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(arguments.scopes)] = ()
    limits: Annotated[tuple[Annotated[str, AfterValidator(_limit)], ...], Field(strict=False)] = ("client",)
    timeout: Seconds = 5.0
    idle_timeout: Seconds = 60.0
    kind: Kind = "normal"
    max_body: Annotated[int, Field(ge=0, le=MAX_ROUTE_BODY)] = MAX_BODY
    fresh: bool = False
    html: bool = False
    cors: Cors = "configured"

    @model_validator(mode="after")
    def _consistent(self) -> "Route":
        if (self.path is None) == (self.prefix is None):
            raise ValueError("needs either a path or a prefix")
        if len(set(self.limits)) < len(self.limits):
            raise ValueError("limits: each may be listed once")
        if self.audience is not None and self.cors == "service":
            raise ValueError(
                "cors: a service cannot decide about preflights, which carry no token, with an audience"
            )
        if self.audience is not None and self.any_audience:
            raise ValueError("any_audience is for routes without an audience")
        if self.audience is None and (self.scopes or self.fresh):
            raise ValueError("scopes and fresh need an audience")
        if self.max_body > MAX_BODY and ("account" in self.limits or self.upstream == GATEWAY):
            raise ValueError(f"max_body: the gateway reads this body itself, so at most {MAX_BODY} bytes")
        return self

    @cached_property
    def pattern(self) -> str:
        """The path or prefix, as metrics and logs name the route."""
        return self.path or self.prefix or ""

    @cached_property
    def shape(self) -> str:
        """The pattern with `{}` for each placeholder: rows of one shape match the same paths."""
        return _PLACEHOLDER.sub("{}", self.pattern)
