"""HTTP clients for tests: an ordinary one, and one that sends header lines unchanged."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from testkit.concurrency import TIMEOUT_SECONDS


class HttpClient:
    """Sends requests to one base URL: no proxy, no redirect, bounded time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_connections=4, pool_maxsize=64))

    def __call__(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """Send one request, with `token` as the bearer, and return the response of any status."""
        headers = dict(options.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method,
            self.url + path,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            **options,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@dataclass(frozen=True)
class RawResponse:
    """A response as received; header names are in lower case, of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RawClient:
    """A kept connection that sends header lines unchanged: repeated, empty, in any spelling."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._connection: http.client.HTTPConnection | None = None

    def __call__(
        self, method: str, target: str, *lines: tuple[str, str | bytes], body: bytes = b""
    ) -> RawResponse:
        """Send one request; once more if the server has closed the kept connection."""
        if self._connection is not None:
            try:
                return self._send(method, target, lines, body)
            except (http.client.BadStatusLine, ConnectionError):
                self.close()
        return self._send(method, target, lines, body)

    def _send(
        self, method: str, target: str, lines: tuple[tuple[str, str | bytes], ...], body: bytes
    ) -> RawResponse:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        self._connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in lines:
            self._connection.putheader(name, value)
        if body or method != "GET":
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body or None)
        response = self._connection.getresponse()
        content = response.read()
        if response.will_close:
            self.close()
        return RawResponse(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
