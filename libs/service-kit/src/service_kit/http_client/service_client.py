"""Calls to other services, with time and size limits, at most one retry, and a circuit breaker."""

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from requests import Response, Session
from requests.exceptions import ChunkedEncodingError, ConnectionError, RequestException  # noqa: A004 - requests' own
from touchstone import arguments, tls
from touchstone.following.failure_reason import failure_reason
from touchstone.following.transport import plain_session
from urllib3.exceptions import HTTPError, ProtocolError

from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.circuit_breaker import CircuitBreaker
from service_kit.observability import request_id, spans
from service_kit.worker_threads import release_slot, require_thread

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
UNAVAILABLE_STATUSES = frozenset({502, 503, 504})
MAX_RESPONSE_BYTES = 1024 * 1024
RETRY_JITTER_SECONDS = 0.05
MAX_RETRY_AFTER_SECONDS = 60
FAILURES = (RequestException, HTTPError, OSError)  # the last two while the body is read
Form = Mapping[str, str]


class ServiceClient:
    """A client of one service. Thread-safe; each thread has its own connection pool.

    `timeout` is (connect, read) in seconds, `deadline` the limit for a whole response. Redirects are returned, not
    followed. Proxies and .netrc of the environment are ignored, cookies are not kept; `proxy` is used for all calls.
    `ca` has the trusted certificates, as in `touchstone.tls.context`; the default is those of REQUESTS_CA_BUNDLE,
    CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR. A `session` is shared by all threads, without these settings.
    Raise ValueError for an invalid URL, `ca` or `proxy`.
    """

    def __init__(  # noqa: PLR0913 - every bound can be set, by name
        self,
        base_url: str,
        *,
        name: str | None = None,
        session: Session | None = None,
        timeout: tuple[float, float] = (1.0, 3.0),
        deadline: float = 5.0,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], object] = time.sleep,
        ca: str | Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._base_url = arguments.url("base_url", base_url).rstrip("/")
        if ca is not None:
            tls.context(ca)  # raises here if it cannot be read
        if proxy is not None:
            arguments.url("proxy", proxy, credentials=True)
        self._ca = ca
        self._proxy = proxy
        self.name = name or self._base_url.partition("://")[2]
        self._session = session
        self._timeout = timeout
        self._deadline = deadline
        self.breaker = breaker or CircuitBreaker()
        self._sleep = sleep
        self._local = threading.local()

    def get(self, path: str, **options: Any) -> Response:
        """Return the response to a GET; see `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """Return the response to a POST; see `request`."""
        return self.request("POST", path, **options)

    def request(  # noqa: PLR0913 - what a request can carry, by name
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        form: Form | Callable[[], Form] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
    ) -> Response:
        """Send one request and return the whole response, of any status but 502, 503 and 504.

        Raise UpstreamUnavailable for these, for no response or one above 1 MiB, and while the breaker is open. A
        failed call is repeated once if the method is idempotent (RFC 9110 section 9.2.2) or `idempotent` is True, but
        not after a timeout or a response with Retry-After. `form` may be a function, called for each attempt (a client
        assertion is valid for one).
        """
        require_thread()
        method = method.upper()
        repeatable = method in IDEMPOTENT if idempotent is None else idempotent
        send_headers = dict(headers or {})
        send_headers[request_id.HEADER] = request_id.request_id()
        if token is not None:
            send_headers["Authorization"] = f"Bearer {token}"
        for last in (False, True) if repeatable else (True,):
            data = form() if callable(form) else form
            options = {"json": json, "data": data, "params": params}
            with spans.call(self.name, method):
                send_headers["traceparent"] = request_id.traceparent()
                response = self._attempt(method, path, {**options, "headers": send_headers}, last=last)
            if response is not None:
                return response
            self._sleep(random.uniform(0, RETRY_JITTER_SECONDS))  # noqa: S311 - spreads retries, guards nothing
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def _attempt(self, method: str, path: str, options: dict[str, Any], *, last: bool) -> Response | None:
        """Return the response, or None if it failed and another attempt may follow."""
        if not self.breaker.allow():
            raise UpstreamUnavailable(
                self.name, self.breaker.retry_after(), "it failed several times in a row"
            )
        try:
            response = self._send(method, path, options)
        except FAILURES as error:
            self.breaker.record_failure()
            if last or not isinstance(error, ConnectionError | ChunkedEncodingError | ProtocolError):
                raise UpstreamUnavailable(
                    self.name, self.breaker.retry_after(), failure_reason(error)
                ) from error
            return None
        except BaseException:
            self.breaker.record_failure()  # every allowed call needs a record
            raise
        spans.response(self.name, response.status_code, response.headers.get("Server-Timing", ""))
        if response.status_code not in UNAVAILABLE_STATUSES:
            self.breaker.record_success()
            return response
        self.breaker.record_failure()
        if last or "Retry-After" in response.headers:
            wait = max(retry_after(response), self.breaker.retry_after())
            raise UpstreamUnavailable(self.name, wait, f"responded {response.status_code}")
        return None

    def _send(self, method: str, path: str, options: dict[str, Any]) -> Response:
        release_slot()
        response = self._thread_session().request(
            method,
            self._base_url + path,
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
            **options,
        )
        with response:
            if not _has_end(method, response):
                raise ProtocolError("the response has no length")
            content = bytearray()
            while chunk := response.raw.read1(65536, decode_content=True):
                content += chunk
                if len(content) > MAX_RESPONSE_BYTES:
                    raise RequestException("the response is too long")
            if response.raw.length_remaining:
                raise ProtocolError("the response is truncated")
            response._content = bytes(content)  # noqa: SLF001 - where requests keeps a body
            response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - as above
        return response

    def _thread_session(self) -> Session:
        if self._session is not None:
            return self._session
        session: Session | None = getattr(self._local, "session", None)
        if session is None:
            # It keeps no cookies: the next request may be another user's.
            session = self._local.session = plain_session(
                ca=self._ca, proxy=self._proxy, deadline=self._deadline
            )
        return session


def _has_end(method: str, response: Response) -> bool:
    """Return whether the headers tell where the body ends; http.client takes truncated headers for an empty body."""
    if method == "HEAD" or response.status_code in {204, 304}:
        return True
    return (
        "Content-Length" in response.headers
        or response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    )


def retry_after(response: Response) -> int:
    """Return the response's Retry-After in seconds, from 1 to 60; 1 if it is missing or no number."""
    value = response.headers.get("Retry-After", "")
    return min(MAX_RETRY_AFTER_SECONDS, max(1, int(value))) if re.fullmatch("[0-9]{1,9}", value) else 1
