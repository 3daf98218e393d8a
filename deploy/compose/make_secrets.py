"""Make the missing keys and passwords, each in the volume of the service that may read it.

Safe to run again: existing keys and passwords stay. Database URLs are always written again from their passwords.
"""
# ruff: noqa: INP001, T201 - a script that prints

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

OUT = Path("/out")
KEYS = Path("/keys")  # signing/ and gateway/ are volumes, clients/ a file system in memory
# Each service with a database has a volume in the first folder, each client that needs a private key one in the other.
DATABASES, CLIENTS = OUT / "databases", OUT / "clients"
# PostgreSQL reads its passwords as another user; no other container mounts their volume.
OPEN, PRIVATE = 0o444, 0o400


def write(path: Path, text: str, mode: int) -> None:
    """Write the whole file or nothing, with this mode."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(mode)  # the umask may have removed bits
    fresh.replace(path)


def volumes(folder: Path) -> list[Path]:
    """Return the folders in `folder` that are volumes; the others are the image's, which is read-only."""
    return [each for each in sorted(folder.iterdir()) if os.access(each, os.W_OK)]


def make_password(name: str) -> str:
    """Return the password of that name; make it if it is missing."""
    path = OUT / "postgres" / f"{name}_password"
    if not path.exists():
        write(path, secrets.token_urlsafe(32), OPEN)
    return path.read_text()


def make_passwords() -> None:
    """Make the passwords of the superuser and the roles, and the database URL of each service."""
    (OUT / "postgres").chmod(0o755)
    make_password("superuser")
    for folder in volumes(DATABASES):
        name = folder.name
        url = f"postgresql://{name}:{make_password(name)}@postgres:5432/{name}"
        write(folder / "database_url", url, PRIVATE)


def make_keys() -> None:
    """Make the signing key and the clients' keys; give each client its private key, and auth-service the public keys."""
    private = {
        folder / f"{folder.name}.pem": KEYS / "clients" / f"{folder.name}.pem" for folder in volumes(CLIENTS)
    }
    for kept, working in private.items():
        if kept.exists():
            shutil.copy(kept, working)
    subprocess.run([sys.executable, "-m", "auth_service.make_keys", "--keys-dir", str(KEYS)], check=True)  # noqa: S603 - our own command
    for kept, working in private.items():
        if not kept.exists():
            write(kept, working.read_text(), PRIVATE)
    for public in (KEYS / "clients").glob("*.pub.pem"):
        write(OUT / "auth-clients" / public.name, public.read_text(), OPEN)


if __name__ == "__main__":
    make_passwords()
    make_keys()
    print("keys and passwords are ready")
