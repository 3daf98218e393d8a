"""The door: every request takes these steps, in this order, and goes no further than the first that refuses it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from touchstone import AccessClaims

from gateway import bridge, target
from gateway.edge import Edge
from gateway.errors import PROBLEM_TYPE, Refusal
from gateway.headers import SAFE, Headers, Inbound, answer
from gateway.limiting import Limits
from gateway.record import Record
from gateway.routes import HERE, WAITING, WHOLE, Route, Table
from gateway.services import MAX_WAITS, Exchange, Service
from gateway.upstream import Call, Client, UpstreamError

MAX_BODY = 64 * 1024
_NO_BODY = frozenset({204, 304})
_log = structlog.get_logger(__name__)


class ClientGoneError(Exception):
    """The client has left; nobody waits for an answer."""


class Visit:
    """One request on its way through the door."""

    __slots__ = (
        "claims", "client", "headers", "method", "path", "query", "receive", "route",
        "scope", "send", "started", "status", "whole",
    )  # fmt: skip

    def __init__(self, scope: bridge.Scope, receive: bridge.Receive, send: bridge.Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.headers = Inbound(scope["headers"])
        self.client: str = (scope.get("client") or ("",))[0]
        self.path = ""
        self.query: bytes | None = None
        self.route: Route | None = None
        self.claims: AccessClaims | None = None
        self.status = 0
        self.whole = True  # whether the request's body has been read


class Door:
    """The ASGI app in front: API routes go to the services, what is `HERE` to the Flask app."""

    def __init__(  # noqa: PLR0913 - its parts, by keyword, put together in app.py
        self,
        *,
        services: Mapping[str, Service],
        edge: Edge,
        limits: Limits | None,
        local: bridge.Wsgi,
        record: Record,
        table: Table | None = None,
        safe: Headers = SAFE,
        client: Callable[[], Client] = Client,
    ) -> None:
        self._services = services
        self._edge = edge
        self._limits = limits
        self._local = local
        self._record = record
        self._table = table or Table()
        self._safe = safe
        self._make_client = client
        self._client: Client | None = None

    async def __call__(self, scope: bridge.Scope, receive: bridge.Receive, send: bridge.Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        visit = Visit(scope, receive, send)
        try:
            await self._through(visit)
        except Refusal as refusal:
            await self._refuse(visit, refusal)
        except ClientGoneError:
            visit.status = 499
        except Exception:  # noqa: BLE001 - the fault boundary: logged here, opaque outside
            _log.exception("unexpected error", request_id=visit.headers.request_id)
            if visit.status:
                await _hang_up(visit)
            else:
                detail = "Something went wrong here; it has been logged."
                await self._refuse(visit, Refusal("internal_error", detail, close=True))
        finally:
            self._record.request(visit)

    async def _through(self, visit: Visit) -> None:
        """Take the steps."""
        visit.headers.refuse(visit.scope["http_version"])
        visit.path, visit.query = target.canonical(visit.scope["gateway.target"])
        visit.route = route = self._table.find(visit.method, visit.path)
        await self._count(visit, route)
        await self._check_token(visit, route)
        await (self._answer_here(visit) if route.upstream is HERE else self._forward(visit, route))

    async def _count(self, visit: Visit, route: Route) -> None:
        if self._limits is None:
            return
        await self._limits.client(visit.client)
        if route.limit == "login":
            await self._limits.login(visit.client)

    async def _check_token(self, visit: Visit, route: Route) -> None:
        if route.audience is not None:
            visit.claims = await self._edge.check(route.audience, visit.headers.authorization)

    async def _answer_here(self, visit: Visit) -> None:
        body, _ = await self._body(visit, whole=True)
        scope = dict(visit.scope)
        passed = [line.partition(b": ")[::2] for line in visit.headers.lines]
        scope["headers"] = [*passed, (b"x-request-id", visit.headers.request_id.encode())]
        status, headers, content = await asyncio.to_thread(
            bridge.call_wsgi, self._local, scope, visit.path, visit.query, body or b""
        )
        await self._finish(visit, status, answer(status, headers, self._safe), content)

    async def _forward(self, visit: Visit, route: Route) -> None:
        service = self._services[route.upstream]
        login = route.limit == "login" and visit.method == "POST"
        body, length = await self._body(visit, whole=login)
        if login and self._limits is not None:
            await self._limits.account(visit.client, body or b"")
        waits = self._may_wait(visit, route, service)
        service.waits += waits
        try:
            call = self._call(visit, service, body, length, waits=waits)
            await self._exchange(visit, await service.begin(self._courier(), call), streamed=body is None)
        finally:
            service.waits -= waits

    def _call(
        self, visit: Visit, service: Service, body: bytes | None, length: int | None, *, waits: bool
    ) -> Call:
        headers = visit.headers
        lines = headers.onward(visit.client, visit.scope["scheme"])
        if waits and headers.prefer is not None:
            lines.append(b"prefer: " + headers.prefer)
        query = "" if visit.query is None else "?" + visit.query.decode("ascii")
        url = f"{service.url}{visit.path}{query}"
        return Call(visit.method, url, lines, WAITING if waits else WHOLE, body, length)

    @staticmethod
    def _may_wait(visit: Visit, route: Route, service: Service) -> bool:
        """Tell whether the request may ask the service to wait; past the bound it is answered at once."""
        return route.waits and visit.headers.prefer is not None and service.waits < MAX_WAITS

    async def _exchange(self, visit: Visit, exchange: Exchange, *, streamed: bool) -> None:
        """Pass the request's body in and the answer out, and cut the one off when the other side leaves."""
        connection = visit.scope.get("gateway.connection")
        me = asyncio.current_task()
        feeder: asyncio.Task[None] | None = None
        if connection is not None and me is not None:
            connection.on_lost = me.cancel
        try:
            if streamed:
                feeder = asyncio.create_task(self._feed(visit, exchange, me))
            head = await exchange.head()
            headers = answer(head.status, head.headers, self._safe)
            if exchange.transfer.whole and visit.whole:
                await self._finish(visit, head.status, headers, await exchange.transfer.chunk())
            else:
                await self._start(visit, head.status, headers)
                await self._stream(visit, exchange, head.status)
        except asyncio.CancelledError:
            if feeder is not None and feeder.done() and not feeder.cancelled() and feeder.exception():
                raise feeder.exception() from None  # type: ignore[misc]
            if connection is None or not connection.lost:
                raise
            raise ClientGoneError from None
        finally:
            if connection is not None:
                connection.on_lost = None
            if feeder is not None:
                feeder.cancel()
            exchange.close()

    async def _stream(self, visit: Visit, exchange: Exchange, status: int) -> None:
        transfer, send = exchange.transfer, visit.send
        try:
            more = not (visit.method == "HEAD" or status in _NO_BODY)
            while more:
                data = await transfer.chunk()
                more = bool(data) and not transfer.ended
                await send({"type": "http.response.body", "body": data, "more_body": more})
            if visit.method == "HEAD" or status in _NO_BODY:
                await send({"type": "http.response.body", "body": b""})
        except UpstreamError as error:
            _log.warning(
                "answer cut short", service=visit.route and visit.route.upstream, reason=error.reason
            )
            await _hang_up(visit)

    async def _body(self, visit: Visit, *, whole: bool) -> tuple[bytes | None, int | None]:
        """Return the request's body if it is at hand (or `whole` asks to wait for it), else None and its length."""
        length = visit.headers.content_length
        if length is not None and length > MAX_BODY:
            visit.whole = False
            raise _too_large()
        if not length and not visit.headers.chunked:
            return b"", 0
        if not whole and length is None:
            visit.whole = False
            return None, None
        parts, size, more = [], 0, True
        while more:
            data, more = await _next_part(visit)
            size += len(data)
            if size > MAX_BODY:
                visit.whole = False
                raise _too_large()
            parts.append(data)
            if more and not whole:
                visit.whole = False
                visit.scope["gateway.first"] = data
                return None, length
        return b"".join(parts), size

    async def _feed(self, visit: Visit, exchange: Exchange, main: "asyncio.Task[Any] | None") -> None:
        """Pass the body on as it comes, no faster than the service takes it."""
        size, more = 0, True
        data = visit.scope.pop("gateway.first", b"")
        try:
            while True:
                size += len(data)
                if size > MAX_BODY:
                    raise _too_large()
                await exchange.transfer.feed(data, last=not more)
                if not more:
                    visit.whole = True
                    return
                data, more = await _next_part(visit)
        except (Refusal, ClientGoneError):
            if main is not None:
                main.cancel()
            raise

    async def _start(self, visit: Visit, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of an answer whose body comes piece by piece."""
        visit.status = status
        headers.append((b"x-request-id", visit.headers.request_id.encode()))
        if not visit.whole:
            headers.append((b"connection", b"close"))  # answered before the body was in: the rest is not read
        await visit.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _finish(
        self, visit: Visit, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send a whole answer, in one piece where the server can."""
        bare = visit.method == "HEAD" or status in _NO_BODY
        if not bare and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % len(body)))
        body = b"" if bare else body
        connection = visit.scope.get("gateway.connection")
        if connection is not None and visit.whole:
            visit.status = status
            pairs = [*headers, (b"x-request-id", visit.headers.request_id.encode())]
            if connection.respond(visit.scope["gateway.cycle"], status, pairs, body):
                return
        await self._start(visit, status, headers)
        await visit.send({"type": "http.response.body", "body": body})

    async def _refuse(self, visit: Visit, refusal: Refusal) -> None:
        if visit.status:
            await _hang_up(visit)
            return
        body = refusal.body(visit.headers.request_id)
        headers = [
            (b"content-type", PROBLEM_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *refusal.headers,
            *self._safe,
        ]
        if refusal.close:
            headers.append((b"connection", b"close"))
        await self._finish(visit, refusal.kind.status, headers, body)

    def _courier(self) -> Client:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    async def _lifespan(self, receive: bridge.Receive, send: bridge.Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._edge.ready()  # starts following the keys
                await send({"type": "lifespan.startup.complete"})
            else:
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Stop following the issuer and close all connections to the services."""
        self._edge.close()
        if self._client is not None:
            self._client.close()


async def _next_part(visit: Visit) -> tuple[bytes, bool]:
    message = await visit.receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


def _too_large() -> Refusal:
    return Refusal("content_too_large", f"A body has at most {MAX_BODY} bytes.")


async def _hang_up(visit: Visit) -> None:
    """End a connection whose answer cannot be completed: the client must not take a part for the whole."""
    connection = visit.scope.get("gateway.connection")
    if connection is None:
        raise ConnectionAbortedError("the answer cannot be completed")
    await connection.hang_up()
