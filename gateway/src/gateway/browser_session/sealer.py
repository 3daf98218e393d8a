"""Encryption of what the browser keeps: only this gateway, and others with the same keys, can read or make it."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

MAX_KEYS = 10


class Sealer:
    """Encrypts with the first key and decrypts with each (Fernet: AES-128-CBC and HMAC-SHA256).

    `purpose` is sealed in, so that a value made for one use is refused in another.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, purpose: bytes, data: bytes) -> str:
        """Return the data, sealed: printable ASCII without quotes, commas, semicolons or spaces."""
        return self._fernet.encrypt(purpose + b":" + data).decode()

    def open(self, purpose: bytes, sealed: bytes, seconds: int | None = None) -> bytes | None:
        """Return the data, None if it was not sealed for this purpose by one of the keys, or `seconds` ago or more."""
        try:
            opened = self._fernet.decrypt(sealed, seconds)
        except InvalidToken:
            return None
        found, _, data = opened.partition(b":")
        return data if found == purpose else None


def parse_keys(text: str) -> tuple[str, ...]:
    """Return the keys in a text, separated by commas or white space, the newest first; raise ValueError."""
    keys = tuple(text.replace(",", " ").split())
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = ()
    if not 0 < len(keys) <= MAX_KEYS:
        raise ValueError(f"must be 1 to {MAX_KEYS} keys, each of 32 bytes in base64url, separated by commas")
    return keys
