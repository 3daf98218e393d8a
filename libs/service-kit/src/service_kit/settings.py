"""The settings that all services share, from the environment and secret files; all faults are reported together."""

import importlib
import ipaddress
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from touchstone import arguments

from service_kit.client_address import Network, parse_networks

SECRETS_DIR = Path("/run/secrets")
EXIT_BAD_SETTINGS = 2
MAX_URL = 2048
TEN_YEARS = 3650 * 86_400  # seconds; verifiers refuse times farther away
DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?")


def http_url(value: str) -> str:
    """Return an absolute http(s) URL without a trailing slash; raise ValueError, without the value."""
    if len(value) > MAX_URL:
        raise ValueError(f"must have at most {MAX_URL} characters")
    try:
        return arguments.url("", value).rstrip("/")
    except ValueError as error:
        raise ValueError(str(error).strip()) from None


def origin_url(value: str) -> str:
    """Return an http(s) URL of host and port in its one canonical form, which tokens repeat.

    One trailing slash is dropped. Raise ValueError for a path, and for another form.
    """
    url = http_url(value)
    parts = urlsplit(url)
    if parts.path or value.removesuffix("/") != url:
        raise ValueError(
            "must not have a path: it is scheme, host and port, such as https://auth.example.com"
        )
    if not _ORIGIN.fullmatch(url) or parts.port == DEFAULT_PORTS[parts.scheme]:
        raise ValueError(
            "must be in lower case, and name a port only where it is not the default: tokens repeat it"
        )
    return url


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is localhost, in 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _private_folder(value: Path) -> Path:
    try:
        value.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise ValueError("must name a folder, or a path where one can be made") from None
    if not os.access(value, os.W_OK | os.X_OK):
        raise ValueError("must name a folder that this service may write to")
    return value


def _folder(value: Path) -> Path:
    with suppress(OSError):  # for example: the folder around it is not ours
        if value.is_dir():
            return value
    raise ValueError("must name a folder that exists")


def _with_packages(value: str) -> str:
    try:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http")
    except ImportError:
        raise ValueError("needs the packages of requirements-otel.lock, which are not installed") from None
    return value


def _networks(value: Any) -> Any:
    return parse_networks(value) if isinstance(value, str) else value


Port = Annotated[int, Field(ge=1, le=65535)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
OriginUrl = Annotated[str, AfterValidator(origin_url)]
Collector = Annotated[str, AfterValidator(http_url), AfterValidator(_with_packages)]
KeysDir = Annotated[Path, AfterValidator(_folder)]
OwnFolder = Annotated[Path, AfterValidator(_private_folder)]
Seconds = Annotated[int, Field(ge=1, le=TEN_YEARS)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


def service_address(port_field: str, name: str = "") -> Any:
    """Return the default of a service's address: this machine, at the port in another field, which is declared before.

    With SERVICE_HOSTS=names the host is the service's `name`, by default `stock-service` for `stock_port`.
    A service that calls stock-service has `stock_port: Port = 8085` and `stock_url: HttpUrl = service_address("stock_port")`.
    """
    host = name or f"{port_field.removesuffix('_port').replace('_', '-')}-service"

    def address(fields: dict[str, Any]) -> str:
        return f"http://{host if fields['service_hosts'] == 'names' else '127.0.0.1'}:{fields[port_field]}"

    return Field(default_factory=address)


class ServiceSettings(BaseSettings):
    """The settings of every service; a service adds its own fields in a subclass.

    A field `auth_port` is the variable `AUTH_PORT`, or the file `auth_port` in the secrets folder; an empty value
    counts as missing. `repr` hides secrets.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True, case_sensitive=False
    )

    # Where services are that have no `…_URL` of their own; see `service_address`.
    service_hosts: Literal["loopback", "names"] = "loopback"
    auth_port: Port = 8081

    issuer: OriginUrl = "http://localhost:8080"
    issuer_backchannel: HttpUrl = service_address("auth_port")
    auth_url: HttpUrl = service_address("auth_port")

    # See touchstone.IssuerDocuments; only services that verify tokens use these.
    status_fresh_within: Seconds = 30
    status_stale_within: Seconds = 43_200
    status_alert_after: Seconds = 60
    snapshots_dir: OwnFolder | None = None

    body_timeout: Seconds = 10  # for the whole body of a request
    # Between SIGTERM and the end, see service_kit.server.shutdown; longer than others need to see /readyz fail.
    drain_seconds: Annotated[int, Field(ge=0, le=600)] = 0
    trusted_proxies: Networks = ()  # the peers whose X-Forwarded-For counts; for a service the gateway
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    rate_limits: bool = True
    demo: bool = False
    demo_password: SecretStr = SecretStr("correct-horse-battery-staple")

    server_timing: bool = Field(default=None, validate_default=True)

    # OpenTelemetry's own names; its SDK reads these and the others itself.
    otel_exporter_otlp_endpoint: Collector | None = None
    otel_exporter_otlp_traces_endpoint: Collector | None = None
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_exporter_otlp_traces_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_sdk_disabled: bool = False

    @property
    def traces(self) -> bool:
        """Whether traces are sent to a collector."""
        endpoint = self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        return bool(endpoint) and self.otel_traces_exporter == "otlp" and not self.otel_sdk_disabled

    @field_validator("server_timing", mode="before")
    @classmethod
    def _default_to_demo(cls, value: Any, info: ValidationInfo) -> Any:
        return info.data.get("demo", False) if value is None else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("status_stale_within")
    @classmethod
    def _not_below_fresh_within(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("status_fresh_within", 1):
            raise ValueError("must not be shorter than STATUS_FRESH_WITHIN")
        return value

    @field_validator("demo", "rate_limits")
    @classmethod
    def _only_on_loopback(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's form
        """Refuse demo accounts and disabled rate limits in a public installation."""
        dangerous = value if info.field_name == "demo" else not value
        issuer = info.data.get("issuer")
        if dangerous and (issuer is None or not is_loopback(issuer)):
            what = "1" if info.field_name == "demo" else "off"
            raise ValueError(f"must not be {what} unless ISSUER is on a loopback host")
        return value


S = TypeVar("S", bound=BaseSettings)


def faults(error: ValidationError) -> list[str]:
    """Return one line per fault: the environment variable and its fault, without its value.

    A fault whose message has several lines becomes as many.
    """
    lines = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        if fault["type"] == "default_factory_not_called":  # because of another fault
            continue
        name = ".".join(str(part) for part in fault["loc"]).upper() or "settings"
        what = (
            "is required, and missing"
            if fault["type"] == "missing"
            else fault["msg"].removeprefix("Value error, ")
        )
        lines += [f"{name}: {line[:1].lower()}{line[1:]}" for line in what.splitlines()]
    return lines


def load(cls: Callable[..., S], *, secrets_dir: Path = SECRETS_DIR) -> S:
    """Return the settings that `cls` makes, or print all faults to stderr and raise SystemExit(2)."""
    options: dict[str, Any] = {"_secrets_dir": secrets_dir} if secrets_dir.is_dir() else {}
    try:
        return cls(**options)
    except ValidationError as error:
        lines = faults(error)
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        lines = [f"settings: cannot be read ({type(error).__name__})"]
    print("These settings are missing or wrong:", *(f"  {line}" for line in lines), sep="\n", file=sys.stderr)  # noqa: T201 - before any logger
    raise SystemExit(EXIT_BAD_SETTINGS)
