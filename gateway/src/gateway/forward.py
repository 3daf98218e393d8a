"""Passing a request on to its service and the answer back: whole where it is at hand, else piece by piece, both ways."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from gateway.answers import Hygiene
from gateway.errors import Refusal
from gateway.routes import WAITING, WHOLE, Route
from gateway.services import Exchange, Service
from gateway.transfer import Call, UpstreamError
from gateway.upstream import Client
from gateway.visit import MAX_BODY, NO_BODY, ClientGoneError, Visit, too_large

_log = structlog.get_logger(__name__)


class Forward:
    """Carries visits to the services. Belongs to one event loop, from the first request on."""

    def __init__(
        self, services: Mapping[str, Service], hygiene: Hygiene, client: Callable[[], Client] = Client
    ) -> None:
        self._services = services
        self._hygiene = hygiene
        self._make_client = client
        self._client: Client | None = None

    async def __call__(self, visit: Visit, route: Route, body: bytes | None, length: int | None) -> None:
        """Pass the request on and answer it; a body that is None comes piece by piece. Raises Refusal."""
        service = self._services[route.upstream]
        if self._client is None:
            self._client = self._make_client()
        # past the bound a request that would wait is answered at once
        waits = route.waits and visit.headers.prefer is not None and service.waits < service.max_waits
        service.waits += waits
        try:
            exchange = service.begin(self._client, _call(visit, service, body, length, waits=waits))
            await self._exchange(visit, exchange, streamed=body is None)
        finally:
            service.waits -= waits

    def close(self) -> None:
        """Close all connections to the services."""
        if self._client is not None:
            self._client.close()

    async def _exchange(self, visit: Visit, exchange: Exchange, *, streamed: bool) -> None:
        """Pass the request's body in and the answer out, and cut the one off when the other side leaves."""
        turn = visit.turn
        me = asyncio.current_task() if turn is None else turn.task
        feeder: asyncio.Task[None] | None = None
        if turn is not None and me is not None:
            turn.on_lost = me.cancel
        try:
            if streamed:
                feeder = asyncio.create_task(_feed(visit, exchange, me))
            status, headers = await exchange.head()
            answer = self._hygiene(status, headers)
            if exchange.transfer.whole and visit.whole:
                await visit.finish(status, answer, await exchange.transfer.chunk())
            else:
                await visit.start(status, answer.head)
                await _stream(visit, exchange, status)
        except asyncio.CancelledError:
            if feeder is not None and feeder.done() and not feeder.cancelled() and feeder.exception():
                raise feeder.exception() from None  # type: ignore[misc]
            if turn is None or not turn.lost:
                raise
            raise ClientGoneError from None
        finally:
            if turn is not None:
                turn.on_lost = None
            if feeder is not None:
                feeder.cancel()
            exchange.close()


def _call(visit: Visit, service: Service, body: bytes | None, length: int | None, *, waits: bool) -> Call:
    lines = visit.headers.onward(visit.client, visit.scope["scheme"])
    if waits and visit.headers.prefer is not None:
        lines.append(b"prefer: " + visit.headers.prefer)
    target = visit.path if visit.query is None else f"{visit.path}?{visit.query.decode('ascii')}"
    return Call(visit.method, service.url, target, lines, WAITING if waits else WHOLE, body, length)


async def _feed(visit: Visit, exchange: Exchange, main: "asyncio.Task[Any] | None") -> None:
    """Pass the body on as it comes, no faster than the service takes it."""
    data, size, more = visit.first, 0, True
    try:
        while True:
            size += len(data)
            if size > MAX_BODY:
                raise too_large()
            await exchange.transfer.feed(data, last=not more)
            if not more:
                visit.whole = True
                return
            data, more = await visit.part()
    except (Refusal, ClientGoneError):
        if main is not None:
            main.cancel()
        raise


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
