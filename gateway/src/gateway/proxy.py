"""Passing a request on to its service, whole, and the answer back: at once where it is at hand, else piece by piece."""

import asyncio
from collections.abc import Callable, Mapping
from typing import BinaryIO

import structlog

from gateway.http_client.connection_pool import Client
from gateway.http_client.exchange import Call, Transfer, UpstreamError
from gateway.http_client.upstreams import Exchange, Service
from gateway.request import NO_BODY, ClientGoneError, Visit
from gateway.response_headers import Hygiene
from gateway.routes import WAITING, WHOLE, Route

_log = structlog.get_logger(__name__)
_PART = 64 * 1024  # bytes of a long body that are sent at once


class Forward:
    """Carries visits to the services. Belongs to one event loop, from the first request on."""

    def __init__(
        self, services: Mapping[str, Service], hygiene: Hygiene, client: Callable[[], Client] = Client
    ) -> None:
        self._services = services
        self._hygiene = hygiene
        self._make_client = client
        self._client: Client | None = None

    async def __call__(self, visit: Visit, route: Route) -> None:
        """Pass the request on and answer it. Raises Refusal."""
        service = self._services[route.upstream]
        if self._client is None:
            self._client = self._make_client()
        # past the bound a request that would wait is answered at once
        waits = route.waits and visit.headers.prefer is not None and service.waits < service.max_waits
        service.waits += waits
        try:
            exchange = service.begin(self._client, _call(visit, service, waits=waits))
            await self._exchange(visit, exchange)
        finally:
            service.waits -= waits

    def close(self) -> None:
        """Close all connections to the services."""
        if self._client is not None:
            self._client.close()

    async def _exchange(self, visit: Visit, exchange: Exchange) -> None:
        """Pass a long body in and the answer out; a client that leaves is no longer worked for."""
        turn = visit.turn
        me = asyncio.current_task() if turn is None else turn.task
        feeder: asyncio.Task[None] | None = None
        if turn is not None and me is not None:
            turn.on_lost = me.cancel
        try:
            if visit.body is not None and visit.body.file is not None:
                feeder = asyncio.create_task(_feed(exchange.transfer, visit.body.file))
            status, headers = await exchange.head()
            answer = self._hygiene(status, headers)
            if exchange.transfer.whole:
                await visit.finish(status, answer, await exchange.transfer.chunk())
            else:
                await visit.start(status, answer.head)
                await _stream(visit, exchange, status)
        except asyncio.CancelledError:
            if turn is None or not turn.lost:
                raise
            raise ClientGoneError from None
        finally:
            if turn is not None:
                turn.on_lost = None
            if feeder is not None:
                feeder.cancel()
            exchange.close()


def _call(visit: Visit, service: Service, *, waits: bool) -> Call:
    lines = visit.headers.onward(visit.client, visit.scope["scheme"])
    if waits and visit.headers.prefer is not None:
        lines.append(b"prefer: " + visit.headers.prefer)
    target = visit.path if visit.query is None else f"{visit.path}?{visit.query.decode('ascii')}"
    seconds, body = WAITING if waits else WHOLE, visit.body
    if body is None:
        return Call(visit.method, service.url, target, lines, seconds)
    data = body.data if body.file is None else None
    return Call(visit.method, service.url, target, lines, seconds, data, body.length)


async def _feed(transfer: Transfer, file: BinaryIO) -> None:
    """Send a body from its file, no faster than the service takes it."""
    await asyncio.to_thread(file.seek, 0)
    while part := await asyncio.to_thread(file.read, _PART):
        await transfer.feed(part)


async def _stream(visit: Visit, exchange: Exchange, status: int) -> None:
    transfer, more = exchange.transfer, not (visit.method == "HEAD" or status in NO_BODY)
    try:
        while more:
            data = await transfer.chunk()
            more = bool(data) and not transfer.ended
            await visit.send({"type": "http.response.body", "body": data, "more_body": more})
        if visit.method == "HEAD" or status in NO_BODY:
            await visit.send({"type": "http.response.body", "body": b""})
    except UpstreamError as error:
        _log.warning("answer cut short", service=visit.route and visit.route.upstream, reason=error.reason)
        visit.hang_up()
