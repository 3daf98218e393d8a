"""The key storage that the settings select."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from auth_service.signing.key_storage import KeyStorage, KeyStorageUnavailable
from auth_service.signing.pem import KeyFault
from auth_service.signing.pem_folder import KeyFolder
from auth_service.signing.pkcs11_keys import Lock, Pkcs11Keys
from auth_service.signing.pkcs11_session import connect


@dataclass(frozen=True, slots=True)
class SigningStore:
    """The settings of the key storage; `module`, `token` and `pin` are for pkcs11 only."""

    kind: Literal["pem", "pkcs11"]
    folder: Path
    passphrase: SecretStr | None = None
    module: Path | None = None
    token: str | None = None
    pin: SecretStr | None = None

    def check(self) -> None:
        """Raise KeyFault for a bad key file; a PKCS#11 token is checked when auth-service starts."""
        if self.kind == "pem":
            KeyFolder(self.folder, self.passphrase).open()

    def storage(self, lock: Lock) -> KeyStorage:
        """Return the key storage; `lock` excludes the processes that share a PKCS#11 token, a folder has its own.

        Raise KeyFault if python-pkcs11 is needed and not installed.
        """
        if self.kind == "pem":
            return KeyFolder(self.folder, self.passphrase)
        if self.module is None or self.token is None or self.pin is None:
            raise KeyFault("a PKCS#11 token needs its module, its label and its PIN")
        return Pkcs11Keys(connect(self.module, self.token, self.pin), lock)

    def encrypt(self) -> list[str]:
        """Encrypt plain key files with the passphrase and return their names; raise ValueError with the reason."""
        if self.kind != "pem":
            raise ValueError("keys in a PKCS#11 token need no passphrase: they cannot be read out")
        try:
            return KeyFolder(self.folder, self.passphrase).encrypt()
        except (KeyFault, KeyStorageUnavailable) as fault:
            raise ValueError(str(fault)) from None
