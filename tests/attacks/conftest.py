"""The means of an attacker: a browser, raw bytes, and at most one private key."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testkit.keys import b64
from testkit.oauth_clients import ConfidentialClient, NativeApp
from testkit.token_signer import TokenSigner, claims_of
from testkit.upstream import FakeUpstream
from testkit.user import User


@pytest.fixture
def app(native_app, alice) -> NativeApp:
    return native_app(alice)


@pytest.fixture
def own(new_user, native_app) -> tuple[User, NativeApp]:
    """A new user, and the app at their browser."""
    user = new_user()
    return user, native_app(user)


@pytest.fixture
def stolen_key(cluster, alice) -> TokenSigner:
    """Signs with auth-service's own key: its tokens are wrong only in what a test makes wrong."""
    claims = claims_of(alice.token)
    return TokenSigner.from_keys_dir(cluster.keys_dir, claims["iss"], claims["aud"])


@pytest.fixture
def listener() -> Iterator[FakeUpstream]:
    """The attacker's server, to which requests may be lured."""
    with FakeUpstream() as server:
        yield server


@pytest.fixture
def sign_anything() -> Callable[..., str]:
    """`sign_anything(client, **claims)`: a client assertion with these claims and a genuine signature."""

    def sign(client: ConfidentialClient, **changes: Any) -> str:
        claims = claims_of(client.assertion()) | changes
        header = json.dumps({"alg": "RS256", "typ": "JWT"}).encode()
        signed = f"{b64(header)}.{b64(json.dumps(claims).encode())}"
        key = load_pem_private_key(client.key.encode(), None)
        return f"{signed}.{b64(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    return sign


@pytest.fixture
def send_raw(gateway) -> Callable[[bytes], bytes]:
    """`send_raw(data)`: all that the gateway answers until it closes, or sends nothing for a second."""
    parts = urlsplit(gateway.url)

    def send(data: bytes) -> bytes:
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(data)
            connection.settimeout(1)
            answer = b""
            while True:
                try:
                    more = connection.recv(65536)
                except TimeoutError:
                    return answer
                if not more:
                    return answer
                answer += more

    return send
