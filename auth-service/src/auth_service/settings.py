"""Everything that can be configured here, beside what all services share."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit.settings import DatabaseUrl, KeysDir, Seconds, ServiceSettings

from auth_service.domain.errors import ClientFault
from auth_service.mailing import check_sender, mailer_for
from auth_service.registry import file_clients
from auth_service.signing.folder import KeyFolder
from auth_service.signing.pem import KeyFault

Few = Annotated[int, Field(ge=1, le=1000)]


class Settings(ServiceSettings):
    """The mint's settings; a field's name in capitals is the environment variable."""

    database_url: DatabaseUrl
    keys_dir: KeysDir
    clients_file: Path | None = None
    access_token_ttl: Seconds = 300
    refresh_token_ttl: Seconds = 2_592_000
    refresh_token_idle_ttl: Seconds = 1_209_600
    jwks_max_age: Annotated[int, Field(ge=1, le=86_400)] = 60
    password_hashes_at_once: Few | None = None
    waiting_requests: Few = 8
    mail_from: Annotated[str, Field(max_length=320)] = "Touchstone <no-reply@localhost>"
    mail_password: SecretStr | None = None
    mail_url: Annotated[str, Field(max_length=2000)] | None = None

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

    @field_validator("mail_from")
    @classmethod
    def _good_sender(cls, value: str) -> str:
        check_sender(value)
        return value

    @field_validator("mail_url")
    @classmethod
    def _good_mailer(cls, value: str | None, info: ValidationInfo) -> str | None:
        mailer_for(value, info.data.get("mail_from", ""), info.data.get("mail_password"))
        return value

    @field_validator("clients_file")
    @classmethod
    def _good_clients(cls, value: Path | None) -> Path | None:
        """Name everything that is wrong with the file of clients, before anything starts."""
        try:
            file_clients(value)
        except ClientFault as fault:
            raise ValueError(str(fault)) from None
        return value
