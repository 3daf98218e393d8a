"""The settings of the gateway, validated at start."""

from typing import Annotated

from limits import parse
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from pydantic import AfterValidator, Field
from service_kit.settings import ServiceSettings

LAST_PORT = 65535


def _limit(value: str) -> str:
    try:
        parse(value)
    except ValueError:
        raise ValueError("must be a rate such as 120/minute") from None
    return value


def _storage(value: str) -> str:
    try:
        storage_from_string(f"async+{value}")  # connects to nothing yet
    except ConfigurationError:
        raise ValueError(
            "must name a storage such as memory:// or valkey://host:6379, with its package installed"
        ) from None
    return value


Rate = Annotated[str, AfterValidator(_limit)]


class Settings(ServiceSettings):
    """The gateway's own settings, beside those that all services share."""

    gateway_host: str = "127.0.0.1"
    gateway_metrics_port: int | None = Field(default=None, ge=1, le=LAST_PORT)
    waiting_requests: int = Field(default=48, ge=1, le=1000)  # auth-service's setting of the same name
    rate_limit_storage: Annotated[str, AfterValidator(_storage)] = "memory://"
    rate_limit_client: Rate = "6000/minute"
    rate_limit_login: Rate = "120/minute"
    rate_limit_account: Rate = "30/minute"
