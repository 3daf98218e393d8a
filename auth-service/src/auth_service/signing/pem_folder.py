"""The vault that is a folder of PEM files: their names say when a key was made and which it is."""

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
from auth_service.signing.key_storage import KeyStorageUnavailable, PublicKeys, birth_of, name_of

_END = ".pem"
_log = structlog.get_logger(__name__)
Signature = tuple[tuple[str, int, int, int], ...]


class KeyFolder:
    """Reads and changes the files. With a passphrase new files are encrypted, and plain ones can still be read."""

    def __init__(self, path: Path, passphrase: SecretStr | None = None) -> None:
        self.path = path
        self._passphrase = passphrase.get_secret_value().encode() if passphrase else None
        self._signature: Signature = ()
        self._parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}
        self._private: dict[KeyName, RSAPrivateKey] = {}
        self._public: PublicKeys = {}

    def open(self) -> None:
        """Make the folder if it is missing, and read it; raises KeyFault for a bad file, or for what others can change."""
        try:
            self.path.mkdir(mode=pem.FOLDER_MODE, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o022:
                raise pem.KeyFault(f"others than its owner can write to {self.path.name}/: chmod 700 it")
            self._read_all(self._look(), strict=True)
        except OSError as error:
            raise pem.KeyFault(f"{self.path.name}/ cannot be used: {error.strerror}") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from changing the folder: the system frees the lock when its holder dies."""
        with _reaching():
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, pem.PRIVATE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def keys(self) -> PublicKeys:
        """Give what is there now; it costs a few microseconds when nothing has changed."""
        with _reaching():
            signature = self._look()
        if signature != self._signature:
            self._read_all(signature)
        return self._public

    def create(self, now: float) -> KeyName:
        """Make a key and put it in place."""
        key = pem.new_key()
        birth = KeyName(int(now), thumbprint(key.public_key()))
        with _reaching():
            pem.write(self._file(birth), pem.private_pem(key, self._passphrase), pem.PRIVATE_MODE)
        return birth

    def delete(self, birth: KeyName) -> None:
        """Take a key out for good."""
        with _reaching():
            self._file(birth).unlink(missing_ok=True)
            pem.sync_folder(self.path)

    def sign(self, birth: KeyName, message: bytes) -> bytes:
        """Sign with a key that has been read."""
        key = self._private.get(birth)
        if key is None:
            raise KeyStorageUnavailable(f"the key {birth.kid} is no more")
        return key.sign(message, PKCS1v15(), hashes.SHA256())

    def encrypt(self) -> list[str]:
        """Write every plain key again, encrypted, each file whole or not at all; gives the files' names.

        All are read before the first is written. Raises KeyFault for a bad file, or without a passphrase; KeyStorageUnavailable.
        """
        if self._passphrase is None:
            raise pem.KeyFault("KEY_PASSPHRASE is needed to encrypt keys, and missing")
        with self.locked(), _reaching():
            paths = [self.path / name for name, *_ in self._look() if _birth(name) is not None]
            plain = [path for path in paths if not pem.is_encrypted(pem.read_secret(path))]
            for path, key in [(path, pem.read_private(path)) for path in plain]:
                pem.write(path, pem.private_pem(key, self._passphrase), pem.PRIVATE_MODE)
        return [path.name for path in plain]

    def _look(self) -> Signature:
        """Say in a few microseconds what is there: it differs whenever a file came, went or changed."""
        with os.scandir(self.path) as entries:
            found = []
            for entry in entries:
                try:
                    facts = entry.stat()
                except FileNotFoundError:
                    continue  # taken out this very moment
                found.append((entry.name, facts.st_ino, facts.st_mtime_ns, facts.st_mode))
        return tuple(sorted(found))

    def _read_all(self, signature: Signature, *, strict: bool = False) -> None:
        """Parse each file once; with ``strict`` a bad key raises KeyFault instead of being left out."""
        private: dict[KeyName, RSAPrivateKey] = {}
        parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}
        for facts in signature:
            birth = _birth(facts[0])
            if birth is None:
                if not facts[0].startswith("."):
                    _log.warning("not a key file, ignored", file=facts[0])
                continue
            try:
                key = self._parsed.get(facts) or self._read(birth)
            except FileNotFoundError:
                continue
            except (pem.KeyFault, OSError) as fault:
                if strict:
                    raise pem.KeyFault(str(fault)) from None
                _log.error("key file refused", file=facts[0], reason=str(fault))
                continue
            parsed[facts] = key
            private[birth] = key
        self._parsed, self._private = parsed, private
        self._public = {birth: key.public_key() for birth, key in private.items()}
        self._signature = signature

    def _read(self, birth: KeyName) -> RSAPrivateKey:
        path = self._file(birth)
        key = pem.read_private(path, self._passphrase)
        if thumbprint(key.public_key()) != birth.kid:
            raise pem.KeyFault(f"{path.name} holds another key than its name says")
        return key

    def _file(self, birth: KeyName) -> Path:
        return self.path / f"{name_of(birth)}{_END}"


def _birth(file: str) -> KeyName | None:
    return birth_of(file.removesuffix(_END)) if file.endswith(_END) else None


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyStorageUnavailable(f"the folder of signing keys cannot be used: {error.strerror}") from None
