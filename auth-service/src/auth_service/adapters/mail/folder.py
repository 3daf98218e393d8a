"""Mail into a folder, one file each: for tests and development."""

import os
import secrets
import time
from pathlib import Path

from auth_service.adapters.mail.mime import message
from auth_service.domain.delivery import DeliveryDelayed


class FolderMailer:
    """The domain's `Mailer`; writes `<nanoseconds>-<random>.eml`, readable only by its owner.

    Files appear complete, and their names sort by time.
    """

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, to: str, subject: str, text: str) -> None:
        """Write the mail; raise DeliveryDelayed if the folder cannot be written, DeliveryRefused for an invalid address."""
        content = message(self._sender, to, subject, text).as_bytes()
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        partial = self._folder / f".{name}.partial"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._folder / f"{name}.eml")
        except OSError as error:
            partial.unlink(missing_ok=True) if self._folder.is_dir() else None
            raise DeliveryDelayed(f"the folder cannot be written ({type(error).__name__})") from None
