"""Key storage in a folder of PEM files, named after the keys' time of creation and id."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import SecretStr

from auth_service.domain.signing_keys import KeyName
from auth_service.signing import pem
from auth_service.signing.jwk import thumbprint
from auth_service.signing.key_storage import KeyStorageUnavailable, PublicKeys, name_of, parse_name

_END = ".pem"
_log = structlog.get_logger(__name__)
Signature = tuple[tuple[str, int, int, int], ...]


class KeyFolder:
    """The `KeyStorage` of PEM files. With a passphrase new files are encrypted; plain ones can still be read."""

    def __init__(self, path: Path, passphrase: SecretStr | None = None) -> None:
        self.path = path
        self._passphrase = passphrase.get_secret_value().encode() if passphrase else None
        self._signature: Signature = ()
        self._parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}
        self._private: dict[KeyName, RSAPrivateKey] = {}
        self._public: PublicKeys = {}

    def open(self) -> None:
        """Create the folder if it is missing, and read it; raise KeyFault for a bad file or a folder writable by others."""
        try:
            self.path.mkdir(mode=pem.FOLDER_MODE, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o022:
                raise pem.KeyFault(f"others than its owner can write to {self.path.name}/: chmod 700 it")
            self._read_all(self._scan(), strict=True)
        except OSError as error:
            raise pem.KeyFault(f"{self.path.name}/ cannot be used: {error.strerror}") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder; the system releases the lock if its holder dies."""
        with _unavailable():
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, pem.PRIVATE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def keys(self) -> PublicKeys:
        """Return the public keys; takes a few microseconds if nothing has changed."""
        with _unavailable():
            signature = self._scan()
        if signature != self._signature:
            self._read_all(signature)
        return self._public

    def create(self, now: float) -> KeyName:
        """Create a key file."""
        key = pem.new_key()
        key_name = KeyName(int(now), thumbprint(key.public_key()))
        with _unavailable():
            pem.write(self._file(key_name), pem.private_pem(key, self._passphrase), pem.PRIVATE_MODE)
        return key_name

    def delete(self, key_name: KeyName) -> None:
        """Delete a key file."""
        with _unavailable():
            self._file(key_name).unlink(missing_ok=True)
            pem.sync_folder(self.path)

    def sign(self, key_name: KeyName, message: bytes) -> bytes:
        """Return the RS256 signature; raise KeyStorageUnavailable unless the key has been read."""
        key = self._private.get(key_name)
        if key is None:
            raise KeyStorageUnavailable(f"the key {key_name.kid} was removed")
        return key.sign(message, PKCS1v15(), hashes.SHA256())

    def encrypt(self) -> list[str]:
        """Encrypt every plain key file, each atomically, and return their names; all are read before the first is written.

        Raise KeyFault for a bad file or without a passphrase, and KeyStorageUnavailable.
        """
        if self._passphrase is None:
            raise pem.KeyFault("set KEY_PASSPHRASE to encrypt keys")
        with self.locked(), _unavailable():
            paths = [self.path / name for name, *_ in self._scan() if _key_name(name) is not None]
            plain = [path for path in paths if not pem.is_encrypted(pem.read_secret(path))]
            for path, key in [(path, pem.read_private(path)) for path in plain]:
                pem.write(path, pem.private_pem(key, self._passphrase), pem.PRIVATE_MODE)
        return [path.name for path in plain]

    def _scan(self) -> Signature:
        """Return a value that differs whenever a file was added, removed or changed."""
        with os.scandir(self.path) as entries:
            found = []
            for entry in entries:
                try:
                    facts = entry.stat()
                except FileNotFoundError:
                    continue  # removed meanwhile
                found.append((entry.name, facts.st_ino, facts.st_mtime_ns, facts.st_mode))
        return tuple(sorted(found))

    def _read_all(self, signature: Signature, *, strict: bool = False) -> None:
        """Parse new files; with `strict` raise KeyFault for a bad one instead of leaving it out."""
        private: dict[KeyName, RSAPrivateKey] = {}
        parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}
        for facts in signature:
            key_name = _key_name(facts[0])
            if key_name is None:
                if not facts[0].startswith("."):
                    _log.warning("not a key file, ignored", file=facts[0])
                continue
            try:
                key = self._parsed.get(facts) or self._read(key_name)
            except FileNotFoundError:
                continue
            except (pem.KeyFault, OSError) as fault:
                if strict:
                    raise pem.KeyFault(str(fault)) from None
                _log.error("key file refused", file=facts[0], reason=str(fault))
                continue
            parsed[facts] = key
            private[key_name] = key
        self._parsed, self._private = parsed, private
        self._public = {key_name: key.public_key() for key_name, key in private.items()}
        self._signature = signature

    def _read(self, key_name: KeyName) -> RSAPrivateKey:
        path = self._file(key_name)
        key = pem.read_private(path, self._passphrase)
        if thumbprint(key.public_key()) != key_name.kid:
            raise pem.KeyFault(f"{path.name} holds another key than its name says")
        return key

    def _file(self, key_name: KeyName) -> Path:
        return self.path / f"{name_of(key_name)}{_END}"


def _key_name(file: str) -> KeyName | None:
    return parse_name(file.removesuffix(_END)) if file.endswith(_END) else None


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyStorageUnavailable(f"the folder of signing keys cannot be used: {error.strerror}") from None
