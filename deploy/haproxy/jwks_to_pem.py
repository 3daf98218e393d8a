#!/usr/bin/env python3
"""Write an issuer's published keys for HAProxy: one PEM file for each key, and rules that choose one by kid.

    jwks_to_pem.py http://auth-service:8081/.well-known/jwks.json /etc/haproxy/issuer systemctl reload haproxy

writes FOLDER/KID.pem for each key and FOLDER/keys.cfg, and runs the command when anything has changed. Run it once per
max-age of the JWKS (60 s), by cron or a systemd timer. A document that cannot be fetched or used changes nothing; the
exit code is 1 then. Needs Python 3.9 or newer and no packages.
"""
# ruff: noqa: T201 - a script that prints

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path

MAX_BYTES = 150_000
MAX_KEYS = 16
MAX_NAME = 128
MIN_BITS = 2048
# Base64url, and safe as a file's name and as a word of the configuration.
WORD = re.compile(r"[A-Za-z0-9_-]+")
RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")  # AlgorithmIdentifier, RFC 8017 appendix A.1

RULES = """\
# Written by jwks_to_pem.py, which overwrites changes.
# txn.verdict is 1 when the token's signature holds under the key that its kid names.
defaults issuer
    mode http
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.kid) var(txn.bearer),jwt_header_query('$.kid')
"""
RULE = """\
    http-request set-var(txn.verdict) var(txn.bearer),jwt_verify("RS256","{pem}") if {{ var(txn.kid) -m str -- {kid} }}
"""


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The document cannot be used; the message says why."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Rejects redirects: the keys come from the given address alone."""

    def redirect_request(self, *_: object) -> None:
        """Return None, so that urllib raises the redirect as an error."""


def fetch(url: str) -> bytes:
    """Return the document; raise Refused if it is too long, OSError if it cannot be fetched."""
    opener = urllib.request.build_opener(NoRedirect)
    with opener.open(url, timeout=5) as answer:
        body: bytes = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise Refused(f"the document is longer than {MAX_BYTES} bytes")
    return body


def keys_of(document: bytes) -> dict[str, str]:
    """Return the PEM of every key of the JWK Set that RS256 can use, by kid; skip other keys. Raise Refused if none is left."""
    try:
        keys = json.loads(document)["keys"]
        found = {key["kid"]: pem_of(key) for key in keys if usable(key)}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused(f"the document is not a JWK Set: {error!r:.200}") from error
    if not 1 <= len(found) <= MAX_KEYS:
        raise Refused(f"the document has {len(found)} usable keys instead of 1 to {MAX_KEYS}")
    return found


def usable(key: object) -> bool:
    """Return whether this is an RSA key for signatures, long enough (RFC 7518 section 3.3), with a kid fit for a file."""
    if not isinstance(key, dict):
        return False
    names = [key.get(name) for name in ("kid", "n", "e")]
    return (
        key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "RS256") == "RS256"
        and all(isinstance(name, str) and WORD.fullmatch(name) for name in names)
        and len(key["kid"]) <= MAX_NAME
        and number(key["n"]).bit_length() >= MIN_BITS
    )


def number(text: str) -> int:
    """Return the integer that base64url text stands for (RFC 7518 section 2)."""
    return int.from_bytes(base64.urlsafe_b64decode(f"{text}=="), "big")


def der(tag: int, content: bytes) -> bytes:
    """Return the content under an ASN.1 tag and its length."""
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 | len(length)]) + length) + content  # noqa: PLR2004 - DER


def pem_of(key: dict[str, str]) -> str:
    """Return the key as SubjectPublicKeyInfo in PEM (RFC 7468 section 13)."""
    integers = [number(key[name]) for name in ("n", "e")]
    pair = b"".join(der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in integers)
    info = der(0x30, RSA_ENCRYPTION + der(0x03, b"\x00" + der(0x30, pair)))
    lines = base64.encodebytes(info).decode().replace("\n", "")
    body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def write(path: Path, text: str) -> None:
    """Write the whole file or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(path)


def follow(url: str, folder: Path, command: list[str]) -> str:
    """Write the issuer's keys to the folder and run the command if they have changed; return a report."""
    keys = keys_of(fetch(url))
    folder.mkdir(parents=True, exist_ok=True)
    rules = [RULE.format(kid=kid, pem=folder.resolve() / f"{kid}.pem") for kid in sorted(keys)]
    wanted = {f"{kid}.pem": pem for kid, pem in keys.items()} | {"keys.cfg": RULES + "".join(rules)}
    there = {path.name: path.read_text() for path in folder.iterdir() if path.suffix in {".pem", ".cfg"}}
    pending = folder / ".pending"  # stays after a failed reload, so that the next run tries again
    if there == wanted and not pending.exists():
        return "nothing new"
    pending.touch()
    for name, text in wanted.items():  # the rules last, because they name the files
        write(folder / name, text)
    if command:
        subprocess.run(command, check=True)  # noqa: S603 - the operator's own command
    for name in there.keys() - wanted.keys():  # after the reload HAProxy does not need them
        (folder / name).unlink()
    pending.unlink()
    return f"{len(keys)} keys: {' '.join(sorted(keys))}"


def main(arguments: list[str]) -> int:
    """Run once; return the exit code."""
    if len(arguments) < 2 or not arguments[0].startswith(("http://", "https://")):  # noqa: PLR2004 - a URL and a folder
        print("usage: jwks_to_pem.py JWKS_URL FOLDER [RELOAD COMMAND...]", file=sys.stderr)
        return 2
    try:
        print(follow(arguments[0], Path(arguments[1]), arguments[2:]))
    except (Refused, OSError, HTTPException, subprocess.CalledProcessError) as error:
        print(f"jwks_to_pem.py: nothing was changed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
