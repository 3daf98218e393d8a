"""The ASGI application: every request takes the same steps, in order, and the first that refuses it ends it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event

import structlog
from service_kit.client_address import TrustedProxies
from service_kit.server import shutdown
from service_kit.server.asgi import Message, Receive, Send

from gateway.authentication import Authentication
from gateway.browser_session.browser_sessions import BrowserSessions
from gateway.client_address import set_client
from gateway.cors import ERROR_HEADERS, Cors, check_preflight, requested_method
from gateway.errors import PAGE_MEDIA_TYPE, PAGE_POLICY, PROBLEM_MEDIA_TYPE, Refusal
from gateway.flask_app import WsgiApp, call_wsgi
from gateway.http_client.service_calls import ServiceCalls
from gateway.observability.access_log import AccessLog
from gateway.observability.metrics import Metrics
from gateway.observability.spans import SpanMaker
from gateway.own_routes import Handler
from gateway.proxy import Proxy
from gateway.rate_limits.rate_limits import RateLimits
from gateway.request import UNREAD_SECONDS, ClientGoneError, Request, TruncatedResponseError
from gateway.request_body import RequestBodies
from gateway.response_headers import ResponseHeaders
from gateway.routing.route import GATEWAY, Route
from gateway.routing.routes import RouteTable
from gateway.routing.target import canonical

_log = structlog.get_logger(__name__)
_CLIENT_GONE = 499


@dataclass(kw_only=True, eq=False, slots=True)
class Gateway:
    """Passes requests to the services; the gateway's own routes go to their handlers, or to the Flask app.

    Requests are served for `drain_seconds` after SIGTERM, each as the last one on its connection.
    """

    routes: RouteTable
    proxy: Proxy
    response_headers: ResponseHeaders
    authentication: Authentication
    rate_limits: RateLimits | None
    flask_app: WsgiApp
    metrics: Metrics
    access_log: AccessLog | None
    calls: ServiceCalls
    browser_sessions: BrowserSessions | None = None
    own_routes: Mapping[str, Handler] = field(default_factory=dict)
    cors: Cors = field(default_factory=Cors)
    spans: SpanMaker | None = None
    bodies: RequestBodies = field(default_factory=RequestBodies)
    trusted_proxies: TrustedProxies = field(default_factory=TrustedProxies)
    drain_seconds: int = 0
    unread_seconds: float = UNREAD_SECONDS
    _stopping: Event | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        if self._stopping is None:  # the first request: the server has set its signal handlers by now
            self._stopping = shutdown.stopping()
            shutdown.listen_again(self.drain_seconds)
        request = Request(scope, receive, send, self.response_headers, self.unread_seconds)
        request.is_last = self._stopping.is_set()
        self.metrics.in_flight += 1
        if self.spans is not None:
            request.spans = self.spans(request)
        try:
            await self._handle(request)
        except Refusal as refusal:
            await self._refuse(request, refusal)
        except TruncatedResponseError:
            raise
        except ClientGoneError:
            request.status = _CLIENT_GONE
        except Exception:  # noqa: BLE001 - the fault boundary: logged here, opaque to the client
            _log.exception("unexpected error", request_id=request.request_id)
            detail = "An unexpected error occurred and was logged."
            await self._refuse(request, Refusal("internal_error", detail))
        finally:
            if request.body is not None:
                request.body.close()
            self._record(request)

    async def _handle(self, request: Request) -> None:
        headers = request.headers
        version = request.scope["http_version"]
        headers.check(version)
        set_client(request, self.trusted_proxies)
        request.query = request.scope["query_string"]
        request.path = canonical(request.scope["raw_path"], request.query)
        preflight = requested_method(headers) if request.method == "OPTIONS" else None
        request.route = route = self.routes.find(preflight or request.method, request.path)
        request.cors = self.cors.headers(route, headers.origin, preflight=preflight is not None)
        if self.rate_limits is not None:
            await self.rate_limits.count(request, route)
            request.mark(b"limits")
        if preflight and not self.cors.asks_service(route, headers.origin):
            check_preflight(request.cors)
            await request.finish(204, self.response_headers(204, []), b"")
            return
        if route.audience is not None or route.any_audience:
            await self._authenticate(request, route)
            request.mark(b"auth")
        if headers.has_body or version == "2":  # HTTP/2 need not announce a body
            request.body = await self.bodies.read(request.receive, headers.content_length, route.max_body)
            if version == "2" and request.body.length and headers.content_length is None:
                # hyper takes a stream that is reset with NO_ERROR for a whole one, so its end proves nothing.
                raise Refusal("length_required", "In HTTP/2 a body needs a Content-Length.")
            request.mark(b"body")
        if self.rate_limits is not None:
            await self.rate_limits.count_account(request, route)
        if route.upstream == GATEWAY:
            await self.own_routes.get(route.pattern, self._call_flask)(request)
        else:
            await self.proxy(request, route)

    async def _authenticate(self, request: Request, route: Route) -> None:
        session = None
        if request.authorization is None and self.browser_sessions is not None:
            session = await self.browser_sessions.session(request, route)
        if session is not None:
            request.claims, request.by_cookie = session.claims, True
            request.authorization = b"Bearer " + session.access_token.encode()
        elif route.audience is not None:
            request.claims = await self.authentication.check(route, request.authorization)

    async def _call_flask(self, request: Request) -> None:
        passed = [line.partition(b": ")[::2] for line in request.headers.lines]
        headers = [*passed, (b"x-request-id", request.request_id.encode())]
        scope = {**request.scope, "headers": headers}
        status, own, content = await asyncio.to_thread(call_wsgi, self.flask_app, scope, request.data)
        await request.finish(status, self.response_headers(status, own), content)

    async def _refuse(self, request: Request, refusal: Refusal) -> None:
        if request.status:  # the response has begun
            raise TruncatedResponseError from refusal
        if request.route is not None and self.cors.asks_service(request.route, request.headers.origin):
            request.cors = ERROR_HEADERS
        if _wants_page(request):
            body = refusal.page(request.request_id)
            media_type, own = PAGE_MEDIA_TYPE, [PAGE_POLICY]
        else:
            body = refusal.problem(request.request_id)
            media_type, own = PROBLEM_MEDIA_TYPE, []
        headers = [(b"content-type", media_type), (b"cache-control", b"no-store"), *refusal.headers, *own]
        status = refusal.kind.status
        await request.finish(status, self.response_headers(status, headers), body)

    def _record(self, request: Request) -> None:
        seconds = time.perf_counter() - request.started
        self.metrics.observe(request, seconds)
        if self.access_log is not None:
            self.access_log.write(request, seconds)
        if request.spans is not None:
            request.spans.end()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.authentication.ready()  # starts to follow the issuer
                await send({"type": "lifespan.startup.complete"})
            else:
                self.close()
                if self.rate_limits is not None:
                    await self.rate_limits.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Stop following the issuer, close the connections to the services, write the rest of the log."""
        self.authentication.close()
        self.calls.close()
        if self.spans is not None:
            self.spans.close()
        if self.access_log is not None:
            self.access_log.flush()


def _wants_page(request: Request) -> bool:
    """Return whether to show an error as a page: on a route with `html`, unless JSON is sent or accepted instead."""
    if request.route is None or not request.route.html:
        return False
    accept, sent = (request.headers.value(name) for name in (b"accept", b"content-type"))
    return b"json" not in sent and (b"json" not in accept or b"text/html" in accept)
