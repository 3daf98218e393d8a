"""Opening client assertions: whose each claims to be, and whether that client's key has signed it."""

import threading
from collections.abc import Mapping
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from touchstone import TokenError
from touchstone.jws import read_object, split, verified_claims

from auth_service.domain.oauth.errors import InvalidClient
from auth_service.signing import pem

_UNTYPED = "JWT"  # what RFC 7523 left open
_TYPES = (_UNTYPED, "client-authentication+jwt", "application/client-authentication+jwt")
_UNREADABLE = "the client_assertion cannot be verified"
_log = structlog.get_logger(__name__)


class ClientKeys:
    """Public keys of clients, ``<client_id>.pub.pem`` in one folder; each is read again when its file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int], RSAPublicKey]] = {}

    def get(self, client_id: str) -> RSAPublicKey | None:
        """Give the key of a registered client, None when there is no good one."""
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
            _log.error("no good public key for a client", client=client_id, reason=str(fault))
            return None

    def install(self, client_id: str, source: Path) -> None:
        """Keep a public key as this client's; raises ValueError for what is none, OSError for what cannot be read."""
        try:
            public = pem.read_public(source)
        except pem.KeyFault as fault:
            raise ValueError(str(fault)) from None
        self._folder.mkdir(mode=0o755, exist_ok=True)
        pem.write(self._folder / f"{client_id}.pub.pem", pem.public_pem(public), pem.PUBLIC_MODE)


class JwtAssertions:
    """The domain's AssertionReader. It checks signature and form, as strictly as those of an access token.

    The domain checks what is said.
    """

    def __init__(self, keys: ClientKeys) -> None:
        self._keys = keys

    def issuer(self, assertion: str) -> str:
        """Say who claims to have made it, unverified; raises InvalidClient."""
        try:
            issuer = read_object(split(assertion)[1]).get("iss")
        except TokenError:
            raise InvalidClient(_UNREADABLE) from None
        if not isinstance(issuer, str):
            raise InvalidClient("a client_assertion must have an iss")
        return issuer

    def verified(self, assertion: str, client_id: str) -> Mapping[str, object]:
        """Give its claims if it is RS256 under the key of this client; raises InvalidClient."""
        key = self._keys.get(client_id)
        if key is None:
            raise InvalidClient("this client has no registered key")
        try:
            return verified_claims(assertion, _TYPES, lambda _: key, untyped=_UNTYPED)
        except TokenError:
            raise InvalidClient(_UNREADABLE) from None
