"""First start: makes every key and password that is missing, each into the volume of the one who may read it.

Safe to run again: what is there stays. A database URL is written anew from its password, so the two always agree.
"""
# ruff: noqa: INP001, T201 - a program of its own, which speaks to its caller

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

OUT = Path("/out")
KEYS = Path("/keys")  # signing/ is its volume, clients/ lives in memory while this runs
DATABASES = ("auth", "users", "orders")
CLIENT_VOLUMES = {
    "orders-service": OUT / "orders-client",
    "introspector": OUT / "introspector-client",
    "signals-receiver": OUT / "receiver-client",
}
# PostgreSQL runs as another user, so these files are open; the volume is mounted by nobody else.
OPEN, PRIVATE = 0o444, 0o400


def write(path: Path, text: str, mode: int) -> None:
    """Put the whole file there or nothing, readable as told."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(mode)  # whatever the umask says
    fresh.replace(path)


def make_password(name: str) -> str:
    """Return the password of that name, made if there was none."""
    path = OUT / "postgres" / f"{name}_password"
    if not path.exists():
        write(path, secrets.token_urlsafe(32), OPEN)
    return path.read_text()


def make_passwords() -> None:
    """Make the superuser's and the roles' passwords, and the URL that each service gets."""
    (OUT / "postgres").chmod(0o755)
    make_password("superuser")
    for name in DATABASES:
        url = f"postgresql://{name}:{make_password(name)}@postgres:5432/{name}"
        write(OUT / name / "database_url", url, PRIVATE)


def make_keys() -> None:
    """Make the signing key and the clients' keys; hand each private half to its client, the public ones to the mint."""
    private = {
        volume / f"{client}.pem": KEYS / "clients" / f"{client}.pem"
        for client, volume in CLIENT_VOLUMES.items()
    }
    for kept, working in private.items():
        if kept.exists():
            shutil.copy(kept, working)
    subprocess.run([sys.executable, "-m", "auth_service.make_keys", "--keys-dir", str(KEYS)], check=True)  # noqa: S603
    for kept, working in private.items():
        if not kept.exists():
            write(kept, working.read_text(), PRIVATE)
    for public in (KEYS / "clients").glob("*.pub.pem"):
        write(OUT / "auth-clients" / public.name, public.read_text(), OPEN)


if __name__ == "__main__":
    make_passwords()
    make_keys()
    print("keys and secrets are there")
