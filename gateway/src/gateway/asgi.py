"""The door: every request takes these steps, in this order, and goes no further than the first that refuses it."""

import asyncio

import structlog

from gateway import bridge, error_page, target
from gateway.authentication import Edge
from gateway.errors import PROBLEM_TYPE, Refusal
from gateway.metrics import Record
from gateway.proxy import Forward
from gateway.rate_limits import Limits
from gateway.request import ClientGoneError, Visit
from gateway.request_body import RequestBodies
from gateway.response_headers import Hygiene, Lines, block
from gateway.routes import HERE, Route, Table

_log = structlog.get_logger(__name__)


class Door:
    """The ASGI app in front: API routes go to the services, what is `HERE` to the Flask app."""

    def __init__(  # noqa: PLR0913 - its parts, by keyword, put together in app.py
        self,
        *,
        forward: Forward,
        hygiene: Hygiene,
        edge: Edge,
        limits: Limits | None,
        local: bridge.Wsgi,
        record: Record,
        table: Table | None = None,
        bodies: RequestBodies | None = None,
    ) -> None:
        self._forward = forward
        self._hygiene = hygiene
        self._edge = edge
        self._limits = limits
        self._local = local
        self._record = record
        self._table = table or Table()
        self._bodies = bodies or RequestBodies()

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
            detail = "Something went wrong here; it has been logged."
            await self._refuse(visit, Refusal("internal_error", detail, close=True))
        finally:
            if visit.body is not None:
                visit.body.close()
            self._record.request(visit)

    async def _through(self, visit: Visit) -> None:
        """Take the steps."""
        visit.headers.refuse(visit.scope["http_version"])
        visit.path, visit.query = target.canonical(visit.scope["gateway.target"])
        visit.route = route = self._table.find(visit.method, visit.path)
        await self._count(visit, route)
        if route.audience is not None:
            visit.claims = await self._edge.check(route.audience, visit.headers.authorization)
        headers = visit.headers
        if headers.content_length or headers.chunked:
            visit.body = await self._bodies.read(visit.receive, headers.content_length, route.max_body)
        if self._limits is not None and _is_attempt(visit, route):
            await self._limits.account(visit.client, visit.data)
        if route.upstream is HERE:
            await self._answer_here(visit)
        else:
            await self._forward(visit, route)

    async def _count(self, visit: Visit, route: Route) -> None:
        if self._limits is None:
            return
        await self._limits.client(visit.client)
        if _is_attempt(visit, route):
            await self._limits.login(visit.client)

    async def _answer_here(self, visit: Visit) -> None:
        passed = [line.partition(b": ")[::2] for line in visit.headers.lines]
        headers = [*passed, (b"x-request-id", visit.headers.request_id.encode())]
        scope = {**visit.scope, "headers": headers}
        status, answer, content = await asyncio.to_thread(
            bridge.call_wsgi, self._local, scope, visit.path, visit.query, visit.data
        )
        await visit.finish(status, self._hygiene(status, answer), content)

    async def _refuse(self, visit: Visit, refusal: Refusal) -> None:
        if visit.status:
            visit.hang_up()
            return
        if error_page.is_wanted(visit.route, visit.headers.lines):
            body = error_page.render(refusal, visit.headers.request_id)
            kind, own = error_page.HTML_TYPE, error_page.POLICY
        else:
            body = refusal.body(visit.headers.request_id)
            kind, own = PROBLEM_TYPE, ()
        headers = [
            (b"content-type", kind),
            (b"cache-control", b"no-store"),
            (b"content-length", b"%d" % len(body)),
            *refusal.headers,
        ]
        head = block(headers) + self._hygiene(refusal.kind.status, own).head
        await visit.finish(refusal.kind.status, Lines(head, framed=True), body, close=refusal.close)

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
        """Stop following the issuer, close all connections to the services, write the last of the log."""
        self._edge.close()
        self._forward.close()
        self._record.close()


def _is_attempt(visit: Visit, route: Route) -> bool:
    """Return whether a request tries a password, code or link; opening a page does not."""
    return route.limit == "login" and visit.method == "POST"
