"""The server in front: uvicorn on httptools, told to show the raw request target and to bound slow or endless heads.

Why this server, and not the one of the services: ADR-server.md.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.bridge import Asgi
from gateway.errors import PROBLEM_TYPE, Refusal
from gateway.headers import MAX_HEADER_BYTES, Headers, new_id
from gateway.target import MAX_TARGET

MAX_HEAD = 2 * MAX_HEADER_BYTES + MAX_TARGET  # bytes of a head that is not complete
MESSAGE_SECONDS = 15.0  # for a whole request, head and body, to come in
MAX_CONNECTIONS = 4096
MAX_UNREAD = 1024 * 1024  # bytes that are read and dropped after an early answer, so that it arrives
_WATCH_EVERY = 1.0


class DoorProtocol(HttpToolsProtocol):
    """uvicorn's connection, with `gateway.target` and `gateway.connection` in each request's scope.

    `on_lost` is called when the client has gone; `lost` says that it has.
    """

    on_lost: Callable[[], object] | None = None
    lost = False
    _since: float | None = None  # when the message that has not wholly come began
    _head_bytes = 0
    _unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or not when there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._gone = asyncio.Event()
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for this client."""
        super().connection_lost(exc)
        self._since = None
        self.lost = True
        self._gone.set()
        if self.on_lost is not None:
            self.on_lost()

    def respond(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """Write a whole answer at once: what uvicorn does in two writes and a check of every header.

        Tells whether it did; it does not while the client is slow to read. `headers` must be clean, and frame `body`.
        """
        if self.flow.write_paused or cycle.disconnected:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            parts += name, b": ", value, b"\r\n"
        for name, value in headers:
            if name == b"connection":
                cycle.keep_alive = False
            else:
                parts += name, b": ", value, b"\r\n"
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += b"\r\n", body
        self.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    async def hang_up(self) -> None:
        """Cut the connection, so that an answer that is not whole is seen as such."""
        self.transport.abort()
        await self._gone.wait()

    def watch(self, now: float) -> None:
        """End the connection if its request takes too long to come."""
        if (
            self._since is not None
            and now - self._since > MESSAGE_SECONDS
            and not self.transport.is_closing()
        ):
            if self.cycle is not None and not self.cycle.response_complete:
                self.transport.abort()
            elif self._head_bytes:
                self._answer(Refusal("request_timeout", "The request did not come in time."))
            else:
                self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head has to end some time."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD:
            self._answer(Refusal("request_header_fields_too_large", f"A head has at most {MAX_HEAD} bytes."))

    _in_head = True

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._in_head = True
        if self._since is None:
            self._since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target; the rest of an endless one is of no interest."""
        if len(self.url) <= MAX_TARGET:
            super().on_url(url)

    def on_headers_complete(self) -> None:
        """Show the target as it was sent; what uvicorn would make of it is not used."""
        scope: Any = self.scope
        scope["gateway.target"] = self.url
        scope["gateway.connection"] = self
        self.url = b"/"
        self._in_head = False
        super().on_headers_complete()
        scope["gateway.cycle"] = self.cycle
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # nothing is ever upgraded here, and what follows is not HTTP

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; after an early answer it is dropped, up to a bound."""
        super().on_body(body)
        if self.cycle.response_complete:
            self._unread += len(body)
            if self._unread > MAX_UNREAD:
                self.transport.close()

    def on_message_complete(self) -> None:
        """Stop the clock."""
        super().on_message_complete()
        self._since = None
        self._head_bytes = self._unread = 0
        self._in_head = True

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are not ours
        """Answer what is not HTTP."""
        self._answer(Refusal("bad_request", "This is not an HTTP request."))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: strangers may ask for upgrades as often as they like."""

    def _answer(self, refusal: Refusal) -> None:
        """Answer without the app, unless an answer is on its way, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
            return
        request_id = new_id()
        body = refusal.body(request_id)
        head = [
            STATUS_LINE[refusal.kind.status],
            *(b"%s: %s\r\n" % header for header in self.server_state.default_headers),
            b"content-type: " + PROBLEM_TYPE,
            b"\r\ncontent-length: %d" % len(body),
            b"\r\nx-request-id: " + request_id.encode(),
            b"\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        ]
        self.transport.write(b"".join([*head, body]))
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, with a watch over slow clients."""

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once in a while (uvicorn ticks every 0.1 s)."""
        if counter % int(_WATCH_EVERY * 10) == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, DoorProtocol):
                    connection.watch(now)
        return await super().on_tick(counter)


def make_server(app: Asgi, host: str, port: int) -> Server:
    """Return the server for this app; `run` serves until it is told to stop."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=DoorProtocol,
            ws="none",
            loop="auto",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=2048,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=6,
        )
    )


def serve(app: Asgi, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end. Exits with 1 when the port is taken."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises its signal again when it has ended
    gc.collect()
    gc.freeze()  # what is here stays; collections need not look at it again and again
    gc.set_threshold(20_000, 20, 50)
    make_server(app, host, port).run()
