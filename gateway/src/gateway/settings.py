"""The settings of the gateway, validated at start."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

from cryptography.x509 import load_pem_x509_certificate
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode
from service_kit.client_address import normal_address
from service_kit.settings import HttpUrl, KeysDir, Port, ServiceSettings, origin_url, service_address

from gateway.browser_session.sealer import parse_keys
from gateway.rate_limits.shared_windows import client
from gateway.routing.route import UpstreamRow, rate
from gateway.routing.routes import RouteTable, load_routes


def _valkey_url(value: SecretStr) -> SecretStr:
    client(value.get_secret_value())  # connects to nothing yet
    return value


def _bff_keys(value: SecretStr) -> SecretStr:
    parse_keys(value.get_secret_value())
    return value


def _routes(value: str | Path) -> RouteTable:
    return load_routes(Path(value)) if value else load_routes()


def _readable(value: Path) -> Path:
    try:
        value.read_bytes()
    except OSError:
        raise ValueError("must name a file that can be read") from None
    return value


ReadableFile = Annotated[Path, AfterValidator(_readable)]


def _address(value: str) -> str:
    if not normal_address(value):
        raise ValueError("must be an IP address")
    return value


def _origins(value: str | frozenset[str]) -> frozenset[str]:
    """Return comma-separated origins as browsers write them; raise ValueError that names all others."""
    if not isinstance(value, str):
        return value
    origins = frozenset(filter(None, map(str.strip, value.split(","))))
    if bad := sorted(each for each in origins if not _is_origin(each)):
        raise ValueError(
            f"must be origins such as https://app.example.com, in lower case, without a path or a default port: {bad}"
        )
    return origins


def _is_origin(value: str) -> bool:
    try:
        return origin_url(value) == value
    except ValueError:
        return False


BFF_KEYS_FILE = Path("gateway", "bff_keys")  # in KEYS_DIR
Rate = Annotated[str, AfterValidator(rate)]


class RoutesSettings(BaseSettings):
    """The routes of routes.toml and of the file that ROUTES_FILE names."""

    model_config = ServiceSettings.model_config

    routes: Annotated[RouteTable, NoDecode, PlainValidator(_routes)] = Field(
        default="", validate_default=True, alias="routes_file", repr=False
    )


class Settings(RoutesSettings, ServiceSettings):
    """The gateway's own settings, beside those that all services share. `read` adds those of the upstreams."""

    gateway_port: Port = 8080
    gateway_host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    gateway_tls_cert: ReadableFile | None = None
    gateway_tls_key: ReadableFile | None = Field(default=None, validate_default=True)
    gateway_metrics_port: Port | None = None
    waiting_requests: int = Field(default=48, ge=1, le=1000)  # auth-service's setting of the same name
    valkey_url: Annotated[SecretStr, AfterValidator(_valkey_url)] | None = None  # may contain a password
    rate_limit_client: Rate = "6000/minute"
    rate_limit_login: Rate = "120/minute"
    rate_limit_account: Rate = "30/minute"
    keys_dir: KeysDir | None = None
    bff_keys: Annotated[SecretStr, AfterValidator(_bff_keys)] | None = Field(
        default=None, validate_default=True
    )
    cors_origins: Annotated[frozenset[str], NoDecode, BeforeValidator(_origins)] = frozenset()

    # Of `make run` alone: the services that the demo's console has stopped, see gateway.console.stopped_services.
    stopped_services_file: ReadableFile | None = None

    @field_validator("stopped_services_file")
    @classmethod
    def _only_in_demo(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and not info.data.get("demo"):
            raise ValueError("must not be set without DEMO=1")
        return value

    @field_validator("bff_keys", mode="before")
    @classmethod
    def _of_keys_dir(cls, value: Any, info: ValidationInfo) -> Any:
        """Read the file in KEYS_DIR if the setting is missing."""
        folder = info.data.get("keys_dir")
        if value is not None or folder is None:
            return value
        try:
            return (folder / BFF_KEYS_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"is missing, and {BFF_KEYS_FILE} in KEYS_DIR cannot be read") from None

    @field_validator("gateway_tls_key")
    @classmethod
    def _fits_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if "gateway_tls_cert" not in info.data:  # it is a fault already
            return key
        certificate = info.data["gateway_tls_cert"]
        if key is None and certificate is None:
            return None
        if key is None or certificate is None:
            raise ValueError("must be set together with GATEWAY_TLS_CERT")
        try:
            # With a password, as OpenSSL would ask for it at the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "none")
        except OSError:
            raise ValueError(
                "must be the private key, in PEM and not encrypted, of the certificate in GATEWAY_TLS_CERT"
            ) from None
        if load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < datetime.now(UTC):
            raise ValueError("belongs to a certificate that has expired")
        return key

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Return the settings, with address and port of each upstream. Raise ValidationError, with all faults."""
        fields: dict[str, Any] = {}
        with suppress(ValidationError):  # raised below, with the other faults
            for name, upstream in RoutesSettings(**given).routes.upstreams.items():
                url, port = _names(upstream)
                fields |= {port: (Port, upstream.port), url: (HttpUrl, service_address(port, name))}
        return create_model("Settings", __base__=cls, **fields)(**given)

    def urls(self) -> dict[str, str]:
        """Return the address of each upstream: its URL setting, else its port at the host of SERVICE_HOSTS."""
        return {name: getattr(self, _names(row)[0]) for name, row in self.routes.upstreams.items()}


def _names(upstream: UpstreamRow) -> tuple[str, str]:
    prefix = upstream.settings.lower()
    return f"{prefix}_url", f"{prefix}_port"
