"""PEM files: written atomically, readable by their owner only, and refused if others can read them."""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

KEY_BITS = 2048
PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644
FOLDER_MODE = 0o700


class KeyFault(Exception):  # noqa: N818 - a fault of the installation, as the log names it
    """A key file or folder is unusable; the message names it, and what to do."""


def new_key() -> RSAPrivateKey:
    """Return a new RSA-2048 key with the exponent 65537."""
    return generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def private_pem(key: RSAPrivateKey, passphrase: bytes | None = None) -> bytes:
    """Return the key as PKCS#8, encrypted (PBES2 with AES-256) if there is a passphrase."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def is_encrypted(content: bytes) -> bool:
    """Return whether a private key in PEM is encrypted."""
    return b" ENCRYPTED PRIVATE KEY-----" in content


def public_pem(key: RSAPublicKey) -> bytes:
    """Return the public half as SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_der(key: RSAPublicKey) -> bytes:
    """Return the public half as SubjectPublicKeyInfo in DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_from_der(content: bytes) -> RSAPublicKey:
    """Return the key that `public_der` wrote; raise ValueError for anything else."""
    key = serialization.load_der_public_key(content)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 - a fault of the content
    return key


def read_private(path: Path, passphrase: bytes | None = None) -> RSAPrivateKey:
    """Return a signing key, encrypted or not; raise KeyFault unless it is RSA of at least 2048 bits and its owner's only.

    FileNotFoundError passes through: the file may just have been removed.
    """
    content = read_secret(path)
    encrypted = is_encrypted(content)
    if encrypted and not passphrase:
        raise KeyFault(f"{path.name} is encrypted: set KEY_PASSPHRASE")
    try:
        # cryptography's own test of the primes takes 40 ms, by which a change of keys would be delayed
        key = serialization.load_pem_private_key(
            content, passphrase if encrypted else None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError):
        why = "cannot be opened with KEY_PASSPHRASE" if encrypted else "is not a private key in PEM"
        raise KeyFault(f"{path.name} {why}") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS:
        raise KeyFault(f"{path.name} is not an RSA key of at least {KEY_BITS} bits")
    if not _signs(key):
        raise KeyFault(f"{path.name} is damaged: its signatures are invalid")
    return key


def _signs(key: RSAPrivateKey) -> bool:
    """Return whether a signature of the key verifies: a damaged key's does not."""
    try:
        signature = key.sign(b"probe", PKCS1v15(), SHA256())
        key.public_key().verify(signature, b"probe", PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def read_secret(path: Path) -> bytes:
    """Return the content of a file that only its owner can read; raise KeyFault for any other."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise KeyFault(f"{path.name} can be read by others than its owner: chmod 600 it, or withdraw it")
        return file.read(64 * 1024)


def read_public(path: Path) -> RSAPublicKey:
    """Return a client's public key; raise KeyFault, or OSError if the file cannot be read."""
    with path.open("rb") as file:
        content = file.read(64 * 1024)
    if b"PRIVATE KEY-----" in content:
        raise KeyFault(f"{path.name} holds a private key; only its public half is kept here")
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFault(f"{path.name} is not a public key in PEM") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS:
        raise KeyFault(f"{path.name} is not an RSA key of at least {KEY_BITS} bits")
    return key


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file atomically and durably: after a crash it is complete or absent."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)  # regardless of the umask
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
