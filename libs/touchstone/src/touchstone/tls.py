"""Which certificate authorities a server's certificate is checked against, for a session of requests."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import TypeAlias

from requests.utils import DEFAULT_CA_BUNDLE_PATH

CA: TypeAlias = str | os.PathLike[str] | ssl.SSLContext | None

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # how OpenSSL names the files of a folder
# As requests reads them; the first that is set counts. OpenSSL's own two are added up.
_INSTEAD = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class CertificatesError(ValueError):
    """What should hold CA certificates holds none; the text names it."""


def context(ca: CA = None) -> ssl.SSLContext:
    """Return a client's context: certificates and names are checked.

    `ca` is a file of CA certificates in PEM, a folder of them as OpenSSL has it (see `openssl rehash`), or a context of
    your own, which is returned as it is. None: what REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, or SSL_CERT_FILE and SSL_CERT_DIR
    name, else the CAs of certifi. Raises ValueError for what holds no CA certificates.
    """
    if isinstance(ca, ssl.SSLContext):
        if ca.verify_mode != ssl.CERT_REQUIRED:
            raise ValueError("ca must be a context that checks certificates")
        return ca
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, place in [("ca", ca)] if ca is not None else _named():
        _load(made, name, place)
    return made


def _named() -> list[tuple[str, str]]:
    for names in (_INSTEAD[:1], _INSTEAD[1:], _OPENSSL):
        found = [(name, os.environ[name]) for name in names if os.environ.get(name)]
        if found:
            # A list of folders is OpenSSL's own form, and no other's.
            return [
                (name, each)
                for name, value in found
                for each in (value.split(os.pathsep) if name == "SSL_CERT_DIR" else [value])
            ]
    return [("certifi", DEFAULT_CA_BUNDLE_PATH)]


def _load(made: ssl.SSLContext, name: str, place: str | os.PathLike[str]) -> None:
    try:
        path = Path(place)
        if not path.is_dir():
            made.load_verify_locations(cafile=path)
        elif any(_HASHED.fullmatch(each.name) for each in path.iterdir()):
            made.load_verify_locations(capath=path)
        else:
            raise CertificatesError(f"{name} is a folder without CA certificates: run `openssl rehash` on it")
    except FileNotFoundError:
        raise CertificatesError(f"{name} names a file that does not exist: {place}") from None
    except (OSError, TypeError) as error:  # ssl.SSLError is one
        raise CertificatesError(
            f"{name} cannot be read as CA certificates: {place} ({type(error).__name__})"
        ) from None
