"""Calls of the services: the connections to all of them, and whole responses to requests of the gateway's own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gateway.http_client.address import Address
from gateway.http_client.connection_pool import ConnectionPool
from gateway.http_client.exchange import UpstreamError, UpstreamRequest
from gateway.http_client.upstreams import Upstream

MAX_RESPONSE = 1024 * 1024  # bytes of a body
_LOOK_UP_SECONDS = 1.0


class ServiceResponse(NamedTuple):
    """A whole response of a service; names of headers as the service spelled them."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class ServiceCalls:
    """Calls services by name. Belongs to one event loop, from the first call on."""

    def __init__(
        self, upstreams: Mapping[str, Upstream], make_pool: Callable[[], ConnectionPool] = ConnectionPool
    ) -> None:
        self.upstreams = upstreams
        self._make_pool = make_pool
        self._pool: ConnectionPool | None = None

    @property
    def pool(self) -> ConnectionPool:
        """The connections, made at the first use."""
        if self._pool is None:
            self._pool = self._make_pool()
        return self._pool

    async def __call__(  # noqa: PLR0913 - the parts of a request, the last three by name
        self,
        service: str,
        method: str,
        target: str,
        headers: Sequence[bytes] = (),
        body: bytes = b"",
        *,
        seconds: float = 5.0,
        url: str | None = None,
    ) -> ServiceResponse:
        """Send a request to a service, or to one of its addresses by its `url`, and return the response.

        `headers` are lines such as `b"accept: text/html"`, none of them Host or about framing. Raise Refusal like the
        proxy: 503 if the service cannot be reached, 504 after `seconds`, 502 for an invalid or too long response.
        """
        upstream = self.upstreams[service]
        request = UpstreamRequest(
            method, url or upstream.url, target, headers, seconds, body=body, length=len(body)
        )
        call = upstream.start(self.pool, request)
        try:
            status, found = await call.head()
            content = bytearray()
            while part := await call.exchange.chunk():
                content += part
                if len(content) > MAX_RESPONSE:
                    raise upstream.refusal("broken")
            return ServiceResponse(status, found, bytes(content))
        except UpstreamError as error:
            raise upstream.refusal(error.reason if error.reason == "timeout" else "broken") from None
        finally:
            call.close()

    def known_addresses(self, upstream: Upstream) -> Sequence[Address]:
        """Return the addresses of a service that are known already."""
        return () if self._pool is None else self._pool.addresses(upstream.url).known

    async def addresses(self, service: str) -> list[str]:
        """Return the URL of each address of a service, none if its name cannot be looked up."""
        addresses = self.pool.addresses(self.upstreams[service].url)
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                return await addresses.urls()
        except TimeoutError:
            return []

    def close(self) -> None:
        """Close all connections to the services."""
        if self._pool is not None:
            self._pool.close()
