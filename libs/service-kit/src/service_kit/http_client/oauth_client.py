"""Access tokens for calls to other services: by token exchange (RFC 8693) or client credentials."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests import Response
from touchstone import strictjson

from service_kit.clock import Clock
from service_kit.errors import ExchangeRefused, UpstreamUnavailable
from service_kit.http_client.service_client import ServiceClient, retry_after
from service_kit.worker_threads import release_slot, require_thread

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a type's name
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
ASSERTION_TTL_SECONDS = 60
RENEW_BEFORE_SECONDS = 30  # before a token expires
MAX_TTL_SECONDS = 3600  # a token with a longer life is renewed after this time
CACHE_SIZE = 4096
Key = tuple[str, str, str]
_log = structlog.get_logger(__name__)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class ClientAssertion:
    """Authenticates this service to auth-service: private_key_jwt (RFC 7523 section 2.2), RS256.

    `audience` is the issuer's URL. Raise OSError or ValueError if the key cannot be read.
    """

    def __init__(self, client_id: str, key_path: Path, audience: str) -> None:
        key = load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("the client's key is not an RSA key")  # noqa: TRY004 - a bad file, not a bad call
        self.client_id = client_id
        self._key = key
        self._audience = audience

    def sign(self, now: float) -> str:
        """Return a new assertion, valid for one use within 60 s of `now` (Unix seconds)."""
        header = {"alg": "RS256", "typ": "JWT"}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self._audience,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now),
            "exp": int(now) + ASSERTION_TTL_SECONDS,
        }
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
        signed = ".".join(_b64(part) for part in parts)
        return f"{signed}.{_b64(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    expires_at: float


class TokenSource:
    """Requests tokens from auth-service, and caches them until 30 s before they expire.

    The cache is bounded (least recently used first), and threads that need the same token share one request. While
    auth-service is unavailable, a cached token is used until it expires. Raise UpstreamUnavailable if there is none,
    ExchangeRefused if auth-service refuses the request.
    """

    def __init__(
        self,
        token_endpoint: str,
        assertion: ClientAssertion,
        client: ServiceClient,
        now: Clock = time.time,
        *,
        cache_size: int = CACHE_SIZE,
    ) -> None:
        self._endpoint = token_endpoint
        self._assertion = assertion
        self._client = client
        self._now = now
        self._size = cache_size
        self._tokens: OrderedDict[Key, _Token] = OrderedDict()
        self._pending: dict[Key, Future[_Token]] = {}
        self._lock = threading.Lock()

    def exchange(
        self, subject_token: str, audience: str, scope: str, *, instead_of: str | None = None
    ) -> str:
        """Return a token for `audience` with the subject token's user as subject and this service as actor.

        `instead_of` is a token returned before that the audience has refused, as after its key was revoked.
        """
        subject = hashlib.sha256(subject_token.encode()).hexdigest()
        request = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN,
            "requested_token_type": ACCESS_TOKEN,
            "audience": audience,
            "scope": scope,
        }
        return self._get((subject, audience, scope), request, instead_of)

    def client_credentials(self, audience: str, scope: str) -> str:
        """Return a token for `audience` with this service as subject (RFC 6749 section 4.4)."""
        request = {"grant_type": "client_credentials", "audience": audience, "scope": scope}
        return self._get(("", audience, scope), request)

    def _get(self, key: Key, request: Mapping[str, str], instead_of: str | None = None) -> str:
        require_thread()
        with self._lock:
            cached = self._cached(key)
            if cached is not None and cached.value == instead_of:
                cached = None
            if cached is not None and self._now() < cached.expires_at - RENEW_BEFORE_SECONDS:
                return cached.value
            pending = self._pending.get(key)
            leads = pending is None
            if pending is None:
                pending = self._pending[key] = Future()
        if leads:
            self._fetch(key, request, pending)
        release_slot()
        try:
            return pending.result().value
        except UpstreamUnavailable:
            if cached is not None and self._now() < cached.expires_at:
                return cached.value
            raise

    def _cached(self, key: Key) -> _Token | None:
        cached = self._tokens.get(key)
        if cached is not None:
            self._tokens.move_to_end(key)
        return cached

    def _fetch(self, key: Key, request: Mapping[str, str], outcome: "Future[_Token]") -> None:
        """Request the token; every waiting thread gets the same token or the same error."""
        try:
            token = self._request(request)
        except BaseException as error:  # noqa: BLE001 - raised in every waiting thread
            with self._lock:
                del self._pending[key]
            outcome.set_exception(error)
            return
        with self._lock:
            del self._pending[key]
            self._tokens[key] = token
            self._tokens.move_to_end(key)
            while len(self._tokens) > self._size:
                self._tokens.popitem(last=False)
        outcome.set_result(token)

    def _request(self, request: Mapping[str, str]) -> _Token:
        def form() -> dict[str, str]:
            assertion = self._assertion.sign(self._now())
            credentials = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
            return {**request, **credentials, "client_id": self._assertion.client_id}

        # Repeated requests change nothing in auth-service, and each attempt has a new assertion.
        return self._read(self._client.post(self._endpoint, form=form, idempotent=True))

    def _read(self, response: Response) -> _Token:
        if response.status_code >= 500 or response.status_code == 429:  # noqa: PLR2004 - unavailable, or rate limited
            raise UpstreamUnavailable(self._client.name, retry_after(response))
        try:
            body = strictjson.loads(response.content)
        except ValueError as error:
            raise UpstreamUnavailable(self._client.name) from error
        members = body if isinstance(body, dict) else {}
        if response.status_code == 200:  # noqa: PLR2004 - RFC 6749 section 5.1
            token, life = members.get("access_token"), members.get("expires_in")
            if isinstance(token, str) and token and isinstance(life, int) and life > 0:
                return _Token(token, self._now() + min(life, MAX_TTL_SECONDS))
        elif isinstance(members.get("error"), str):
            refused = ExchangeRefused(members["error"][:64], str(members.get("error_description", ""))[:512])
            _log.warning("auth-service refused a token", error=refused.error, description=refused.description)
            raise refused
        raise UpstreamUnavailable(self._client.name)  # not a response of a token endpoint
