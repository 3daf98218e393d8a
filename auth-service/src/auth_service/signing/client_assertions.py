"""Client assertions (RFC 7523): the claimed issuer, and the signature of that client's key."""

import threading
from collections.abc import Mapping
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from touchstone import TokenError
from touchstone.jws import read_object, split, verified_claims

from auth_service.domain.oauth.errors import InvalidClient
from auth_service.signing import pem

_UNTYPED = "JWT"  # RFC 7523 names no type
_TYPES = (_UNTYPED, "client-authentication+jwt", "application/client-authentication+jwt")
_UNREADABLE = "the client_assertion cannot be verified"
_log = structlog.get_logger(__name__)


class ClientKeys:
    """Public keys of clients, `<client_id>.pub.pem` in one folder; read again when a file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int], RSAPublicKey]] = {}

    def get(self, client_id: str) -> RSAPublicKey | None:
        """Return the key of a client, None if there is no valid one."""
        path = self._folder / f"{client_id}.pub.pem"
        try:
            facts = path.stat()
            version = (facts.st_ino, facts.st_mtime_ns)
            with self._lock:
                known = self._known.get(client_id)
                if known is None or known[0] != version:
                    known = self._known[client_id] = (version, pem.read_public(path))
            return known[1]
        except (OSError, pem.KeyFault) as fault:
            _log.error("no valid public key for a client", client=client_id, reason=str(fault))
            return None

    def install(self, client_id: str, source: Path) -> None:
        """Store a client's public key; raise ValueError if it is invalid, OSError if the file cannot be read."""
        try:
            public = pem.read_public(source)
        except pem.KeyFault as fault:
            raise ValueError(str(fault)) from None
        self._folder.mkdir(mode=0o755, exist_ok=True)
        pem.write(self._folder / f"{client_id}.pub.pem", pem.public_pem(public), pem.PUBLIC_MODE)


class ClientAssertionReader:
    """The domain's `AssertionReader`: checks signature and form as strictly as an access token's, but no claims."""

    def __init__(self, keys: ClientKeys) -> None:
        self._keys = keys

    def issuer(self, assertion: str) -> str:
        """Return the `iss` claim, unverified; raise InvalidClient."""
        try:
            issuer = read_object(split(assertion)[1]).get("iss")
        except TokenError:
            raise InvalidClient(_UNREADABLE) from None
        if not isinstance(issuer, str):
            raise InvalidClient("a client_assertion must have an iss")
        return issuer

    def verified(self, assertion: str, client_id: str) -> Mapping[str, object]:
        """Return the claims if the signature is RS256 by this client's key; raise InvalidClient."""
        key = self._keys.get(client_id)
        if key is None:
            raise InvalidClient("this client has no registered key")
        try:
            return verified_claims(assertion, _TYPES, lambda _: key, untyped=_UNTYPED)
        except TokenError:
            raise InvalidClient(_UNREADABLE) from None
