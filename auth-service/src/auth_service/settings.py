"""Everything that can be configured here, beside what all services share."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from service_kit.settings import DatabaseUrl, KeysDir, Seconds, ServiceSettings

from auth_service.signing.folder import KeyFolder
from auth_service.signing.pem import KeyFault

Few = Annotated[int, Field(ge=1, le=1000)]


class Settings(ServiceSettings):
    """The mint's settings; a field's name in capitals is the environment variable."""

    database_url: DatabaseUrl
    keys_dir: KeysDir
    access_token_ttl: Seconds = 300
    refresh_token_ttl: Seconds = 2_592_000
    refresh_token_idle_ttl: Seconds = 1_209_600
    jwks_max_age: Annotated[int, Field(ge=1, le=86_400)] = 60
    password_hashes_at_once: Few | None = None
    waiting_requests: Few = 8

    @field_validator("keys_dir")
    @classmethod
    def _good_keys(cls, value: Path) -> Path:
        """Name a bad signing key with the other faults, before anything starts."""
        folder = KeyFolder(value / "signing")
        try:
            folder.create()
            folder.read(folder.signature(), strict=True)
        except (KeyFault, OSError) as fault:
            raise ValueError(str(fault)) from None
        return value
