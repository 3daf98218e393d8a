"""Passes a request on to its service, and the response back: in one piece if it is complete, else streamed."""

import asyncio
import time
from typing import BinaryIO

import structlog

from gateway.cors import service_headers
from gateway.errors import Refusal, server_error
from gateway.headers import Headers
from gateway.http_client.exchange import Exchange, UpstreamError, UpstreamRequest
from gateway.http_client.service_calls import ServiceCalls
from gateway.http_client.upstreams import Upstream, UpstreamCall
from gateway.observability.upstream_metrics import CLASSES, UpstreamMetrics
from gateway.request import ClientGoneError, Request, TruncatedResponseError
from gateway.response_headers import NO_BODY, ResponseHeaders
from gateway.routing.route import Route

Head = tuple[int, Headers]
_log = structlog.get_logger(__name__)
_LONG_POLL_SECONDS = 30.0  # that the answer to a long poll may take longer
_PART = 64 * 1024  # bytes of a body that are sent at once


class Proxy:
    """Passes requests to the services."""

    def __init__(self, calls: ServiceCalls, response_headers: ResponseHeaders) -> None:
        self._calls = calls
        self._response_headers = response_headers
        self.metrics = UpstreamMetrics(calls.upstreams, calls.known_addresses)

    async def __call__(self, request: Request, route: Route) -> None:
        """Pass the request on and send the response. Raise Refusal."""
        upstream = self._calls.upstreams[route.upstream]
        # Beyond the limit of long polls a request is passed on without `Prefer`, and so answered at once.
        long_poll = (
            route.kind == "long_poll"
            and request.headers.prefer is not None
            and upstream.long_polls < upstream.max_long_polls
        )
        upstream.long_polls += long_poll
        begun = time.perf_counter()
        if request.spans is not None:
            request.spans.begin_call(upstream.name)
        try:
            call = upstream.start(
                self._calls.pool, _upstream_request(request, route, upstream, long_poll=long_poll)
            )
            await self._exchange(request, upstream, call, begun)
        except Refusal as refusal:
            if request.upstream_seconds is None:  # no head came
                self._record(request, upstream, begun, refusal.slug)
            raise
        except ClientGoneError:
            if request.upstream_seconds is None:
                self._record(request, upstream, begun, "client_gone")
            raise
        finally:
            upstream.long_polls -= long_poll

    def _record(
        self, request: Request, upstream: Upstream, begun: float, outcome: str, head: Head | None = None
    ) -> None:
        seconds = time.perf_counter() - begun
        self.metrics.observe(upstream.name, outcome, seconds)
        request.upstream_seconds = seconds
        if request.spans is not None:
            status, headers = head or (None, ())
            request.spans.end_call(upstream.name, outcome, status, headers)

    async def _exchange(self, request: Request, upstream: Upstream, call: UpstreamCall, begun: float) -> None:
        """Send a long body and the response; end the call if the client disconnects."""
        helpers: list[asyncio.Task[None]] = []

        def watch() -> None:  # most calls have ended before
            helpers.append(asyncio.create_task(_watch(request, call)))

        call.exchange.on_slow = watch
        if request.body is not None and request.body.file is not None:
            helpers.append(asyncio.create_task(_feed(call.exchange, request.body.file)))
        try:
            status, headers = head = await call.head()
            self._record(request, upstream, begun, CLASSES[status // 100], head)
            if request.route is not None and request.route.cors == "service":
                preflight = request.method == "OPTIONS"
                request.cors = (
                    *request.cors,
                    *service_headers(request.route, request.headers.origin, headers, preflight=preflight),
                )
            kept = self._response_headers(status, headers)
            if call.exchange.complete:
                body = await call.exchange.chunk()
                refusal = None if request.method == "HEAD" else server_error(status, headers, body)
                if refusal is not None:
                    raise refusal
                call.close()  # the client may send its next request at once
                await request.finish(status, kept, body)
            elif request.scope["http_version"] == "1" and not any(
                name == b"content-length" for name, _ in kept
            ):
                # In HTTP/1.0 the end of the connection would end the body, so that a part looks like the whole.
                raise Refusal("http_version_not_supported", "A response of unknown length needs HTTP/1.1.")
            else:
                await request.start(status, kept)
                await _stream(request, call, status)
        except UpstreamError:  # abandoned
            raise ClientGoneError from None
        finally:
            for helper in helpers:
                helper.cancel()
            call.close()


async def _watch(request: Request, call: UpstreamCall) -> None:
    """End the call when the client disconnects."""
    await request.disconnected()
    call.abandon()


def _upstream_request(
    request: Request, route: Route, upstream: Upstream, *, long_poll: bool
) -> UpstreamRequest:
    lines = request.headers.forwarded(request.client, request.scheme, request.request_id, request.traceparent)
    if request.by_cookie and request.authorization is not None:
        lines.append(b"authorization: " + request.authorization)
    if long_poll and request.headers.prefer is not None:
        lines.append(b"prefer: " + request.headers.prefer)
    target = f"{request.path}?{request.query.decode('ascii')}" if request.query else request.path
    seconds = route.timeout + _LONG_POLL_SECONDS if long_poll else route.timeout
    idle = route.idle_timeout if route.kind == "stream" else None
    made = UpstreamRequest(request.method, upstream.url, target, lines, seconds, idle)
    if request.body is None:
        return made
    data = request.body.data if request.body.file is None else None
    return made._replace(body=data, length=request.body.length)


async def _feed(exchange: Exchange, file: BinaryIO) -> None:
    """Send a body from its file, no faster than the service reads."""
    await asyncio.to_thread(file.seek, 0)
    while part := await asyncio.to_thread(file.read, _PART):
        await exchange.feed(part)


async def _stream(request: Request, call: UpstreamCall, status: int) -> None:
    """Send the rest of a response as it comes, no faster than the client reads. Raise TruncatedResponseError."""
    try:
        more = request.method != "HEAD" and status not in NO_BODY
        while more:
            data = await call.exchange.chunk()
            more = bool(data) and not call.exchange.ended
            if not more:
                call.close()  # as above
            for first in range(0, len(data), _PART):  # the server keeps up to five parts for a slow client
                await request.write(data[first : first + _PART])
        await request.write(b"", more=False)
    except UpstreamError as error:
        if error.reason != "abandoned":
            _log.warning(
                "answer cut short", service=request.route and request.route.upstream, reason=error.reason
            )
        raise TruncatedResponseError from error
