"""Make missing keys: `python -m auth_service.make_keys --keys-dir keys`. Safe to repeat."""

import argparse
import base64
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr
from service_kit.settings import SECRETS_DIR

from auth_service.adapters.registry_files import registry_files
from auth_service.domain.oauth.errors import InvalidRegistration
from auth_service.signing import pem
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.pem_folder import KeyFolder

# The gateway reads it as its setting BFF_KEYS: one key a line, the newest first.
BFF_KEYS_FILE = Path("gateway", "bff_keys")


def make_keys(
    keys_dir: Path,
    client_ids: Sequence[str],
    now: float,
    *,
    passphrase: SecretStr | None = None,
    signing: bool = True,
) -> list[str]:
    """Make the missing keys and return their paths inside the folder; raise KeyFault, KeyStorageUnavailable or OSError.

    The signing key is encrypted if there is a passphrase; without `signing` none is made.
    """
    made = []
    folder = KeyFolder(keys_dir / "signing", passphrase)
    folder.open()
    with folder.locked():
        if signing and not folder.keys():
            made.append(f"signing/{folder.create(now).kid}")
    clients = keys_dir / "clients"
    clients.mkdir(mode=0o755, exist_ok=True)
    with folder.locked():
        for client_id in client_ids:
            private, public = clients / f"{client_id}.pem", clients / f"{client_id}.pub.pem"
            if not private.exists():
                pem.write(private, pem.private_pem(pem.new_key()), pem.PRIVATE_MODE)
                public.unlink(missing_ok=True)  # of an earlier key
                made.append(f"clients/{private.name}")
            if not public.exists():
                half = pem.public_pem(pem.read_private(private).public_key())
                pem.write(public, half, pem.PUBLIC_MODE)
                made.append(f"clients/{public.name}")
        if not (keys_dir / BFF_KEYS_FILE).exists():
            made.append(add_bff_key(keys_dir))
    return made


def add_bff_key(keys_dir: Path) -> str:
    """Add a key for the gateway's session cookie; return the path of the file of these keys in the folder. Raise OSError.

    The file has the new key, with which the gateway encrypts, and the one before, whose cookies it still opens.
    """
    file = keys_dir / BFF_KEYS_FILE
    earlier = file.read_text().split()[:1] if file.exists() else []
    new = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()  # as Fernet takes it
    file.parent.mkdir(mode=0o700, exist_ok=True)
    pem.write(file, "".join(f"{key}\n" for key in (new, *earlier)).encode(), pem.PRIVATE_MODE)
    return str(BFF_KEYS_FILE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m auth_service.make_keys",
        description="Make the keys that are missing: for signing, for clients, also those in REGISTRY_FILE, and for the gateway.",
    )
    parser.add_argument(
        "--keys-dir", type=Path, default=Path("keys"), help="folder of the keys (default: %(default)s)"
    )
    parser.add_argument(
        "--client",
        action="append",
        metavar="ID",
        help="only this client (default: all that need a key); repeatable",
    )
    parser.add_argument(
        "--signing-store",
        choices=("pem", "pkcs11"),
        default=os.environ.get("SIGNING_STORE") or "pem",
        help="storage of the signing keys (default: SIGNING_STORE, or pem); with pkcs11 auth-service makes its own",
    )
    parser.add_argument(
        "--add-bff-key",
        action="store_true",
        help="make a new key for the gateway's session cookie; the one before still opens the cookies that it encrypted",
    )
    options = parser.parse_args(arguments)
    try:
        rows = registry_files(Path(file) if (file := os.environ.get("REGISTRY_FILE")) else None)
    except InvalidRegistration as fault:
        print("REGISTRY_FILE:", *fault.faults, sep="\n  ", file=sys.stderr)  # noqa: T201 - the output of a command
        return 1
    registered = [each.client_id for each in rows.clients if each.confidential and each.secret_hash is None]
    unknown = set(options.client or ()) - set(registered)
    if unknown:
        parser.error(f"no such confidential client: {', '.join(sorted(unknown))}")
    try:
        made = make_keys(
            options.keys_dir,
            options.client or registered,
            time.time(),
            passphrase=_passphrase(),
            signing=options.signing_store == "pem",
        )
        if options.add_bff_key and str(BFF_KEYS_FILE) not in made:
            made.append(add_bff_key(options.keys_dir))
    except (pem.KeyFault, KeyStorageUnavailable, OSError) as fault:
        print(f"keys cannot be made: {fault}", file=sys.stderr)  # noqa: T201 - the same
        return 1
    for name in made:
        print(f"made {options.keys_dir / name}")  # noqa: T201 - a command's output
    if not made:
        print(f"all keys exist in {options.keys_dir}")  # noqa: T201 - a command's output
    return 0


def _passphrase(secrets_dir: Path = SECRETS_DIR) -> SecretStr | None:
    """Return KEY_PASSPHRASE of the environment or the secret file, as auth-service reads it."""
    file = secrets_dir / "key_passphrase"
    value = os.environ.get("KEY_PASSPHRASE") or (file.read_text().strip() if file.is_file() else "")
    return SecretStr(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
