"""Which vault the settings choose."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from auth_service.signing.key_storage import KeyStorage, KeyStorageUnavailable
from auth_service.signing.pem import KeyFault
from auth_service.signing.pem_folder import KeyFolder
from auth_service.signing.pkcs11_keys import Lock, TokenKeys
from auth_service.signing.pkcs11_session import connect


@dataclass(frozen=True, slots=True)
class SigningStore:
    """Where the signing keys live, as the settings say; ``module``, ``token`` and ``pin`` count for pkcs11 alone."""

    kind: Literal["pem", "pkcs11"]
    folder: Path
    passphrase: SecretStr | None = None
    module: Path | None = None
    token: str | None = None
    pin: SecretStr | None = None

    def check(self) -> None:
        """Raise KeyFault for a bad key file; a token is asked when the mint starts."""
        if self.kind == "pem":
            KeyFolder(self.folder, self.passphrase).open()

    def vault(self, lock: Lock) -> KeyStorage:
        """Give the vault; ``lock`` is what keeps the processes that share a token from changing it at once.

        A folder brings its own. Raises KeyFault when python-pkcs11 is needed, and missing.
        """
        if self.kind == "pem":
            return KeyFolder(self.folder, self.passphrase)
        if self.module is None or self.token is None or self.pin is None:
            raise KeyFault("a token is reached by its module, its label and its PIN")
        return TokenKeys(connect(self.module, self.token, self.pin), lock)

    def encrypt(self) -> list[str]:
        """Write plain key files again under the passphrase; gives their names. Raises ValueError with the reason."""
        if self.kind != "pem":
            raise ValueError("keys in a token need no passphrase: they cannot be read out")
        try:
            return KeyFolder(self.folder, self.passphrase).encrypt()
        except (KeyFault, KeyStorageUnavailable) as fault:
            raise ValueError(str(fault)) from None
