"""TLS contexts: which certificate authorities (CAs) a server's certificate is checked against."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import TypeAlias

from requests.utils import DEFAULT_CA_BUNDLE_PATH

CA: TypeAlias = str | os.PathLike[str] | ssl.SSLContext | None

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the file names in an OpenSSL folder
# The first of these that is set counts, as in requests; the two of OpenSSL are combined.
_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class CertificatesError(ValueError):
    """A file or folder has no usable CA certificates; the message names it."""


def context(ca: CA = None) -> ssl.SSLContext:
    """Return a client's context, which checks certificates and host names.

    `ca` is a file of CA certificates in PEM, an OpenSSL folder of them (see `openssl rehash`), or a context of your own,
    which is returned unchanged. None: the CAs that REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, or SSL_CERT_FILE and SSL_CERT_DIR
    name, else those of certifi. Raise ValueError if there are no CA certificates in a file or folder.
    """
    if isinstance(ca, ssl.SSLContext):
        if ca.verify_mode != ssl.CERT_REQUIRED:
            raise ValueError("ca must be a context that checks certificates (verify_mode CERT_REQUIRED)")
        return ca
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, place in [("ca", ca)] if ca is not None else _from_environment():
        _load(made, name, place)
    return made


def _from_environment() -> list[tuple[str, str]]:
    for names in (_REQUESTS[:1], _REQUESTS[1:], _OPENSSL):
        found = [(name, os.environ[name]) for name in names if os.environ.get(name)]
        if found:
            # Only SSL_CERT_DIR may be a list of folders.
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
