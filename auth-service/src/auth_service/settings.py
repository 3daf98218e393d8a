"""The settings of auth-service, beside those of all services."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from service_kit.database.url import DatabaseUrl
from service_kit.settings import TEN_YEARS, KeysDir, Seconds, ServiceSettings

from auth_service.adapters.mail import check_sender, mailer_for
from auth_service.adapters.registry_files import registry_files
from auth_service.domain.oauth.errors import InvalidRegistration
from auth_service.domain.sessions.browser_session import BROWSER_SESSION_SECONDS
from auth_service.domain.sessions.status_list import LIST_SIZE, check_size
from auth_service.signing.key_storage_settings import SigningStore
from auth_service.signing.pem import KeyFault
from auth_service.signing.pkcs11_session import package

PASSPHRASE_MIN, PASSPHRASE_MAX = 20, 1000
SmallNumber = Annotated[int, Field(ge=1, le=1000)]


class Settings(ServiceSettings):
    """The settings; a field's name in capitals is the environment variable."""

    database_url: DatabaseUrl
    signing_store: Literal["pem", "pkcs11"] = "pem"
    pkcs11_module: Path | None = Field(default=None, validate_default=True)
    pkcs11_token: Annotated[str, Field(max_length=32)] | None = Field(default=None, validate_default=True)
    pkcs11_pin: SecretStr | None = Field(default=None, validate_default=True)
    key_passphrase: SecretStr | None = None
    keys_dir: KeysDir
    registry_file: Path | None = None
    access_token_ttl: Seconds = 300
    refresh_token_ttl: Seconds = 2_592_000
    refresh_token_idle_ttl: Seconds = 1_209_600
    jwks_max_age: Annotated[int, Field(ge=1, le=86_400)] = 60
    key_rotation_interval: Annotated[int, Field(ge=0, le=TEN_YEARS)] = 2_592_000
    password_hashes_at_once: SmallNumber | None = None
    waiting_requests: SmallNumber = 48
    status_list_ttl: Annotated[int, Field(ge=1, le=3600)] = 20
    status_list_size: Annotated[int, AfterValidator(check_size)] = LIST_SIZE
    mail_from: Annotated[str, Field(max_length=320)] = "Touchstone <no-reply@localhost>"
    mail_password: SecretStr | None = None
    mail_url: Annotated[str, Field(max_length=2000)] | None = None

    @field_validator("keys_dir")
    @classmethod
    def _good_keys(cls, value: Path, info: ValidationInfo) -> Path:
        """Raise ValueError for an unusable signing key, so that it is listed with the other faults."""
        try:
            SigningStore(
                info.data.get("signing_store", "pkcs11"), value / "signing", info.data.get("key_passphrase")
            ).check()
        except KeyFault as fault:
            raise ValueError(str(fault)) from None
        return value

    @field_validator("key_passphrase")
    @classmethod
    def _good_passphrase(cls, value: SecretStr | None) -> SecretStr | None:
        """Require a long passphrase: the files' key derivation is fast."""
        if value is not None and not PASSPHRASE_MIN <= len(value.get_secret_value()) <= PASSPHRASE_MAX:
            raise ValueError(f"must have {PASSPHRASE_MIN} to {PASSPHRASE_MAX} characters")
        return value

    @field_validator("pkcs11_module", "pkcs11_token", "pkcs11_pin")
    @classmethod
    def _complete_pkcs11(cls, value: Any, info: ValidationInfo) -> Any:
        """Raise ValueError for a missing setting of the PKCS#11 token."""
        if info.data.get("signing_store") == "pkcs11":
            if not value:
                raise ValueError("is required with SIGNING_STORE=pkcs11, and missing")
            if isinstance(value, Path) and not value.is_file():
                raise ValueError("must name a file that exists: the PKCS#11 module of the token's vendor")
        return value

    @field_validator("signing_store")
    @classmethod
    def _pkcs11_installed(cls, value: str) -> str:
        try:
            if value == "pkcs11":
                package()
        except KeyFault as fault:
            raise ValueError(str(fault)) from None
        return value

    @field_validator("key_rotation_interval")
    @classmethod
    def _rotation_not_too_often(cls, value: int, info: ValidationInfo) -> int:
        """Require that a key signs before the next is added: else their number grows."""
        least = 2 * int(info.data.get("jwks_max_age", 0))
        if 0 < value < least:
            raise ValueError(f"must be 0, or at least twice JWKS_MAX_AGE: {least}")
        return value

    @property
    def session_life(self) -> float:
        """The longest life of a session in seconds, a client's or a browser's."""
        return max(self.refresh_token_ttl, BROWSER_SESSION_SECONDS)

    @property
    def signing(self) -> SigningStore:
        """The storage of the signing keys."""
        return SigningStore(
            self.signing_store,
            self.keys_dir / "signing",
            self.key_passphrase,
            self.pkcs11_module,
            self.pkcs11_token,
            self.pkcs11_pin,
        )

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

    @field_validator("registry_file")
    @classmethod
    def _good_registry(cls, value: Path | None) -> Path | None:
        """Raise ValueError with all faults of the file, one a line."""
        try:
            registry_files(value)
        except InvalidRegistration as error:
            raise ValueError("\n".join(error.faults)) from None
        return value
