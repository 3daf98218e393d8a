"""A receiver of security events, written after the RFCs without our code, and a client that manages its streams."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
import requests
from testkit.cluster import free_ports
from testkit.forked_cluster import ForkedCluster
from testkit.oauth_clients import ConfidentialClient
from testkit.token_signer import claims_of
from testkit.upstream import Answer, FakeUpstream, Received
from testkit.user import User

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED, CREDENTIAL_CHANGE = f"{CAEP}session-revoked", f"{CAEP}credential-change"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
BEARER = "Bearer known-to-two"


class RefusalError(Exception):
    """A token is refused; the argument is the error code (RFC 8935 section 2.4)."""


@dataclass
class Reader:
    """Verifies security event tokens after RFC 8417 and SSF 1.0 section 4, by the transmitter's metadata."""

    transmitter: str
    audience: str
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    _keys: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, token: str) -> None:
        """Verify a token and keep its claims; raise RefusalError."""
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "secevent+jwt" or header.get("alg") != "RS256":
            raise RefusalError("invalid_request")
        try:
            claims = jwt.decode(
                token,
                self._key(header.get("kid")),
                algorithms=["RS256"],
                issuer=self.transmitter,
                audience=self.audience,
                options={"require": ["iss", "iat", "jti", "aud"]},
            )
        except jwt.InvalidIssuerError:
            raise RefusalError("invalid_issuer") from None
        except jwt.InvalidAudienceError:
            raise RefusalError("invalid_audience") from None
        except jwt.PyJWTError:
            raise RefusalError("invalid_key") from None
        events = claims.get("events")
        forbidden = {"sub", "exp"} & set(claims)
        if forbidden or not isinstance(events, dict) or len(events) != 1 or "sub_id" not in claims:
            raise RefusalError("invalid_request")
        with self._lock:
            if claims["jti"] in self.seen:
                self.repeated.append(claims["jti"])
            self.seen[claims["jti"]] = claims

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the claims of the events of one type, with the event's own under "event"."""
        with self._lock:
            seen = list(self.seen.values())
        return [{**claims, "event": claims["events"][kind]} for claims in seen if kind in claims["events"]]

    def _key(self, kid: Any) -> Any:
        if kid not in self._keys:
            metadata = requests.get(f"{self.transmitter}/.well-known/ssf-configuration", timeout=10).json()
            assert metadata["issuer"] == self.transmitter
            published = requests.get(metadata["jwks_uri"], timeout=10).json()
            self._keys.update({key["kid"]: jwt.PyJWK(key, "RS256").key for key in published["keys"]})
        if kid not in self._keys:
            raise RefusalError("invalid_key")
        return self._keys[kid]


@dataclass
class Receiver(Reader):
    """Receives pushed tokens (RFC 8935) at `url`. In the mode "failing" it answers 503, in "refusing" 400."""

    mode: str = "accepting"
    tries: list[float] = field(default_factory=list)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _server: FakeUpstream | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    def start(self) -> None:
        self._server = PushEndpoint(self)

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Refuse connections during the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def answer(self, request: Received) -> Answer:
        self.tries.append(time.monotonic())
        if self.mode == "failing":
            return Answer(503)
        headers = request.headers
        media_types = headers["Content-Type"], headers["Accept"]
        try:
            if media_types != ("application/secevent+jwt", "application/json"):
                raise RefusalError("invalid_request")
            if headers["Authorization"] != BEARER:
                raise RefusalError("authentication_failed")
            if self.mode == "refusing":
                raise RefusalError("access_denied")
            self.accept(request.body.decode("ascii"))
        except RefusalError as refusal:
            return Answer(400, {"err": str(refusal), "description": "refused"})
        return Answer(202, b"")


class PushEndpoint(FakeUpstream):
    """The HTTP server of a receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        super().__init__(port=receiver.port)

    def answer(self, request: Received) -> Answer:
        return self._receiver.answer(request)


@dataclass(frozen=True)
class Subscriber(ConfidentialClient):
    """A confidential client that manages its event streams."""

    def token(self, scope: str = "ssf.manage ssf.read") -> str:
        answer = self.client_credentials(scope=scope, audience="auth-service")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def __call__(self, method: str, path: str, *, scope: str = "ssf.manage ssf.read", **options: Any) -> Any:
        return self.server(method, path, token=self.token(scope), **options)

    def subscribe(self, receiver: Receiver | None = None, **members: Any) -> dict[str, Any]:
        """Create a stream: pushed to this receiver, or polled."""
        delivery = {"method": POLL}
        if receiver is not None:
            delivery = {"method": PUSH, "endpoint_url": receiver.url, "authorization_header": BEARER}
        answer = self("POST", "/ssf/streams", json={"delivery": delivery, **members})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def unsubscribe(self, stream: dict[str, Any]) -> None:
        self("DELETE", f"/ssf/streams?stream_id={stream['stream_id']}")

    def poll(self, stream: dict[str, Any], wait: int | None = None, **body: Any) -> dict[str, Any]:
        path = stream["delivery"]["endpoint_url"].removeprefix(self.issuer)
        headers = {} if wait is None else {"Prefer": f"wait={wait}"}
        answer = self("POST", path, json={"returnImmediately": wait is None, **body}, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="package")
def auth_cluster(mail_folders) -> Iterator[ForkedCluster]:
    """auth-service with two processes, and the gateway; tests may kill them, and leave them running."""
    services = ["auth-service", "gateway"]
    with ForkedCluster({"RATE_LIMITS": "off"}, services=services, workers=2) as cluster:
        mail_folders[cluster.gateway] = cluster.mail_folder
        yield cluster


@pytest.fixture
def auth_gateway(auth_cluster, client_at) -> Any:
    return client_at(auth_cluster.gateway)


@pytest.fixture
def subscriber(auth_cluster, auth_gateway) -> Subscriber:
    return Subscriber.from_keys_dir(
        auth_cluster.keys_dir, "signals-receiver", auth_gateway, auth_cluster.issuer
    )


@pytest.fixture
def receiver(auth_cluster, subscriber) -> Iterator[Receiver]:
    started = Receiver(auth_cluster.issuer, subscriber.client_id)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def push_stream(subscriber, receiver) -> Iterator[dict[str, Any]]:
    """A stream that is pushed to the receiver."""
    stream = subscriber.subscribe(receiver)
    yield stream
    subscriber.unsubscribe(stream)


@pytest.fixture
def poll_stream(subscriber) -> Iterator[dict[str, Any]]:
    """A stream that is polled."""
    stream = subscriber.subscribe()
    yield stream
    subscriber.unsubscribe(stream)


@pytest.fixture
def reader(auth_cluster, subscriber) -> Reader:
    """Verifies the tokens of a poll."""
    return Reader(auth_cluster.issuer, subscriber.client_id)


@pytest.fixture
def user(auth_gateway, new_user) -> User:
    return new_user(auth_gateway)


@pytest.fixture
def log_out(auth_gateway, user) -> Callable[[], dict[str, Any]]:
    """`log_out()`: log in and out, and return the claims of the access token."""

    def run() -> dict[str, Any]:
        token = user.log_in()["access_token"]
        answer = auth_gateway("POST", "/logout", token=token)
        assert answer.status_code == 204, answer.text
        return claims_of(token)

    return run


@pytest.fixture
def metric(auth_cluster) -> Callable[[str], float]:
    """`metric('name{label="…"}')`: its value in one process of auth-service, 0 if it has none."""

    def read(name: str) -> float:
        url = auth_cluster.urls["auth-service"]
        lines = requests.get(f"{url}/metrics", timeout=10).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    return read


@pytest.fixture
def event_types() -> dict[str, str]:
    return {"revoked": SESSION_REVOKED, "changed": CREDENTIAL_CHANGE, "verification": VERIFICATION}
