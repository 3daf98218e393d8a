"""Tokens for calls to other services: exchanged for the user's (RFC 8693), or the service's own."""

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
RENEW_BEFORE_SECONDS = 30  # seconds before its end at which a token is renewed
MAX_TTL_SECONDS = 3600  # seconds; what is longer-lived is asked for again all the same
CACHE_SIZE = 4096
Key = tuple[str, str, str]
_log = structlog.get_logger(__name__)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class ClientAssertion:
    """Proves who this service is to the mint: private_key_jwt (RFC 7523 section 2.2), RS256.

    `audience` is the mint's own name, its issuer URL. The key is read once, here: OSError or ValueError when it cannot be.
    """

    def __init__(self, client_id: str, key_path: Path, audience: str) -> None:
        key = load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("the client's key is not an RSA key")  # noqa: TRY004 - a bad file, not a bad call
        self.client_id = client_id
        self._key = key
        self._audience = audience

    def sign(self, now: float) -> str:
        """Return a new assertion, good for one use within 60 s of `now` (seconds since the epoch)."""
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
    """Gets tokens from the mint and keeps them until 30 s before their end.

    The cache is bounded (least recently used goes first), and threads that want the same token ask once. A token that
    is still good is used up to its very end while the mint is down. UpstreamUnavailable: the mint cannot answer, and
    there is no such token. ExchangeRefused: the mint says no.
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
        self._asking: dict[Key, Future[_Token]] = {}
        self._lock = threading.Lock()

    def exchange(
        self, subject_token: str, audience: str, scope: str, *, instead_of: str | None = None
    ) -> str:
        """Return a token for `audience` that speaks for the subject token's user, with this service as its actor.

        `instead_of` is one given before that the audience has refused, as it does when its key was withdrawn.
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
        """Return a token for `audience` that speaks for this service itself (RFC 6749 section 4.4)."""
        request = {"grant_type": "client_credentials", "audience": audience, "scope": scope}
        return self._get(("", audience, scope), request)

    def _get(self, key: Key, request: Mapping[str, str], instead_of: str | None = None) -> str:
        require_thread()
        with self._lock:
            kept = self._kept(key)
            if kept is not None and kept.value == instead_of:
                kept = None
            if kept is not None and self._now() < kept.expires_at - RENEW_BEFORE_SECONDS:
                return kept.value
            asked = self._asking.get(key)
            mine = asked is None
            if asked is None:
                asked = self._asking[key] = Future()
        if mine:
            self._ask(key, request, asked)
        release_slot()
        try:
            return asked.result().value
        except UpstreamUnavailable:
            if kept is not None and self._now() < kept.expires_at:
                return kept.value
            raise

    def _kept(self, key: Key) -> _Token | None:
        kept = self._tokens.get(key)
        if kept is not None:
            self._tokens.move_to_end(key)
        return kept

    def _ask(self, key: Key, request: Mapping[str, str], outcome: "Future[_Token]") -> None:
        """Ask the mint; every thread that waits gets the same token or the same error."""
        try:
            token = self._request(request)
        except BaseException as error:  # noqa: BLE001 - whoever waits must learn of it, whatever it is
            with self._lock:
                del self._asking[key]
            outcome.set_exception(error)
            return
        with self._lock:
            del self._asking[key]
            self._tokens[key] = token
            self._tokens.move_to_end(key)
            while len(self._tokens) > self._size:
                self._tokens.popitem(last=False)
        outcome.set_result(token)

    def _request(self, request: Mapping[str, str]) -> _Token:
        def form() -> dict[str, str]:
            assertion = self._assertion.sign(self._now())
            proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
            return {**request, **proof, "client_id": self._assertion.client_id}

        # nothing at the mint depends on how often it was asked, and each attempt proves itself anew
        return self._read(self._client.post(self._endpoint, form=form, idempotent=True))

    def _read(self, answer: Response) -> _Token:
        if answer.status_code >= 500 or answer.status_code == 429:  # noqa: PLR2004 - the mint in trouble, or busy
            raise UpstreamUnavailable(self._client.name, retry_after(answer))
        try:
            body = strictjson.loads(answer.content)
        except ValueError as error:
            raise UpstreamUnavailable(self._client.name) from error
        members = body if isinstance(body, dict) else {}
        if answer.status_code == 200:  # noqa: PLR2004 - RFC 6749 section 5.1
            token, life = members.get("access_token"), members.get("expires_in")
            if isinstance(token, str) and token and isinstance(life, int) and life > 0:
                return _Token(token, self._now() + min(life, MAX_TTL_SECONDS))
        elif isinstance(members.get("error"), str):
            refused = ExchangeRefused(members["error"][:64], str(members.get("error_description", ""))[:512])
            _log.warning("the mint refused a token", error=refused.error, description=refused.description)
            raise refused
        raise UpstreamUnavailable(self._client.name)  # it answers, but not as the mint that we know
