"""The folder of signing keys: file names say when a key was made and which it is."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from auth_service.domain.keys import KeyBirth
from auth_service.signing import pem
from auth_service.signing.jwk import thumbprint

_NAME = re.compile(r"(?P<created>[0-9]{10})-(?P<kid>[A-Za-z0-9_-]{43})\.pem")
_log = structlog.get_logger(__name__)
Signature = tuple[tuple[str, int, int, int], ...]
Keys = dict[KeyBirth, RSAPrivateKey]


class KeyFolder:
    """Reads and changes the files; several processes may do so at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}

    def create(self) -> None:
        """Make the folder if it is missing; raises KeyFault when others could put keys into it."""
        self.path.mkdir(mode=pem.FOLDER_MODE, parents=True, exist_ok=True)
        if self.path.stat().st_mode & 0o022:
            raise pem.KeyFault(f"others than its owner can write to {self.path.name}/: chmod 700 it")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from changing the folder."""
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, pem.PRIVATE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def signature(self) -> Signature:
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

    def read(self, signature: Signature, *, strict: bool = False) -> Keys:
        """Parse the keys that a signature names, each file once.

        A file that is no good is named in the log and left out; with ``strict`` a bad key raises KeyFault.
        """
        keys: Keys = {}
        parsed: dict[tuple[str, int, int, int], RSAPrivateKey] = {}
        for facts in signature:
            name = _NAME.fullmatch(facts[0])
            if name is None:
                if not facts[0].startswith("."):
                    _log.warning("not a key file, ignored", file=facts[0])
                continue
            try:
                key = self._parsed.get(facts) or self._read(facts[0], name["kid"])
            except FileNotFoundError:
                continue
            except (pem.KeyFault, OSError) as fault:
                if strict:
                    raise pem.KeyFault(str(fault)) from None
                _log.error("key file refused", file=facts[0], reason=str(fault))
                continue
            parsed[facts] = key
            keys[KeyBirth(int(name["created"]), name["kid"])] = key
        self._parsed = parsed
        return keys

    def _read(self, name: str, kid: str) -> RSAPrivateKey:
        key = pem.read_private(self.path / name)
        if thumbprint(key.public_key()) != kid:
            raise pem.KeyFault(f"{name} holds another key than its name says")
        return key

    def add(self, now: float) -> KeyBirth:
        """Make a key and put it in place."""
        key = pem.new_key()
        birth = KeyBirth(int(now), thumbprint(key.public_key()))
        pem.write(self.path / _file_name(birth), pem.private_pem(key), pem.PRIVATE_MODE)
        return birth

    def remove(self, birth: KeyBirth) -> None:
        """Take a key out for good."""
        (self.path / _file_name(birth)).unlink(missing_ok=True)
        pem.sync_folder(self.path)


def _file_name(birth: KeyBirth) -> str:
    return f"{birth.created_at:010d}-{birth.kid}.pem"
