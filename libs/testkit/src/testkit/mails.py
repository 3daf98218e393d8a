"""The mail that a cluster wrote into its folder, as the one who gets it would read it."""

import re
import time
from email import message_from_bytes
from email.policy import default
from pathlib import Path

PATIENCE = 60.0  # seconds that a mail may take on a busy machine
_TOKEN = re.compile(r"\?token=([A-Za-z0-9_-]+)")


def mailed_token(folder: Path, address: str, *, path: str, patience: float = PATIENCE) -> str:
    """Wait for the newest mail to an address with a link to a path, and return the token in it; TimeoutError if none comes."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        for file in sorted(folder.glob("*.eml"), reverse=True):
            mail = message_from_bytes(file.read_bytes(), policy=default)
            body = mail.get_body()
            text = body.get_content() if body else ""
            if mail["To"] == address and f"{path}?token=" in text:
                return str(_TOKEN.findall(text)[-1])
        time.sleep(0.05)
    raise TimeoutError(f"no mail with a link to {path} came within {patience} s")
