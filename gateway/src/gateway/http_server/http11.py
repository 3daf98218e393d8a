"""HTTP/1.1 towards the clients: a connection and the requests on it, in turn, each answered by one ASGI app.

llhttp (through httptools) reads; nothing here reads HTTP a second time. What is added to it are bounds, on the size of a
head and on the time in which a request must come, and an answer that is at hand is written at once.
"""

import asyncio
from collections import deque
from typing import Any, ClassVar

import httptools

from gateway.bridge import Scope
from gateway.errors import PROBLEM_TYPE, Refusal
from gateway.headers import MAX_HEADER_BYTES, new_id
from gateway.http_server.request_cycle import STATUS_LINES, Turn
from gateway.response_headers import block
from gateway.target import MAX_TARGET

MAX_HEAD = 2 * MAX_HEADER_BYTES + MAX_TARGET  # bytes of a head that is not complete
MESSAGE_SECONDS = 15.0  # for a whole request, head and body, to come in
IDLE_SECONDS = 30.0  # between two requests, or without reading an answer
MAX_CONNECTIONS = 4096
MAX_UNREAD = 1024 * 1024  # bytes that are read and dropped after an early answer, so that it arrives
HIGH_WATER = 64 * 1024  # bytes of a body that wait for the app before reading stops


class Connection(asyncio.Protocol):
    """One client's connection, as uvicorn's server makes it (`http=`) and ends it (`shutdown`)."""

    usual: ClassVar = b""  # header lines of every answer: the date, set once a second
    transport: asyncio.Transport

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],  # noqa: ARG002 - handed in by uvicorn
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.writable: asyncio.Future[None] | None = None  # None: now; else done when the client has read on
        self.lost = False
        self._app = config.loaded_app
        self._server = server_state
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is not read
        self._client: tuple[str, int] = ("", 0)
        self._address: tuple[str, int] = ("", 0)
        self._turn: Turn | None = None  # the one whose body comes in
        self._turns: deque[tuple[Turn, Scope]] = deque()  # not answered; the first is being answered
        self._coming = True  # a message is not wholly here
        self._in_head = True
        self._since = self.loop.time()  # it is coming, there is nothing to do, or the client does not read
        self._size = 0  # of the message
        self._unread = 0
        self._paused = False
        self._expects = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or not when there are too many."""
        self.transport = transport
        self._client = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._address = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self._server.connections.add(self)
        if len(self._server.connections) > MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's form
        """Tell whoever works for this client."""
        self.lost = True
        self._server.connections.discard(self)
        self._lose()

    def pause_writing(self) -> None:
        """Hold back answers: the client is slow to read."""
        if self.writable is None:
            self.writable = self.loop.create_future()
            if not self._coming:
                self._since = self.loop.time()

    def resume_writing(self) -> None:
        """Let answers go on."""
        if self.writable is not None:
            self.writable.set_result(None)
            self.writable = None

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head has to end some time."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # nothing is ever upgraded here
        except httptools.HttpParserError:
            self._refuse(Refusal("bad_request", "This is not an HTTP request."))
        else:
            if self._in_head and self._size > MAX_HEAD:
                self._refuse(
                    Refusal("request_header_fields_too_large", f"A head has at most {MAX_HEAD} bytes.")
                )

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        self._target, self._headers, self._expects = b"", [], False
        if not self._coming:
            self._coming, self._since = True, self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target; the rest of an endless one is of no interest."""
        if len(self._target) <= MAX_TARGET:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailer fields come here too, and are dropped."""
        if not self._in_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        """Begin the answer, or queue the request behind the one that is being answered."""
        self._in_head = False
        parser = self._parser
        version = parser.get_http_version()
        if parser.should_upgrade() and any(name == b"transfer-encoding" for name, _ in self._headers):
            # httptools reads no body behind an offered upgrade, and only a length would show that it is missing.
            self._refuse(Refusal("bad_request", "A request in chunks cannot offer an upgrade."))
            return
        scope: Scope = {
            "type": "http",
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": "http",
            "client": self._client,
            "server": self._address,
            "headers": self._headers,
            "gateway.target": self._target,
        }
        keep_alive = version == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        self._turn = turn = Turn(self, scope, keep_alive=keep_alive, expects=self._expects)
        self._turns.append((turn, scope))
        if len(self._turns) == 1:
            self._begin(turn, scope)
        else:
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; after an early answer it is dropped, up to a bound."""
        turn = self._turn
        if turn is None or turn.done:
            self._unread += len(body)
            if self._unread > MAX_UNREAD:
                self.transport.close()
            return
        turn.body += body
        if len(turn.body) > HIGH_WATER:
            self._pause_reading()
        turn.wake()

    def on_message_complete(self) -> None:
        """Stop the clock."""
        if self._turn is not None:
            self._turn.more = False
            self._turn.wake()
        self._coming = False
        self._in_head = True
        self._size = self._unread = 0

    # What the server calls.

    def watch(self, now: float) -> None:
        """End the connection if a request takes too long to come, or its answer to be read."""
        if self.transport.is_closing() or now - self._since <= MESSAGE_SECONDS:
            return
        if not self._coming:
            if now - self._since > IDLE_SECONDS and self.writable is not None:
                self.transport.abort()  # it does not read, and what it asked for holds a place
            elif now - self._since > IDLE_SECONDS and not self._turns:
                self.transport.close()
        elif self._size:
            self._refuse(Refusal("request_timeout", "The request did not come in time."))
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """End when what is being answered has been."""
        if self._turns:
            self._turns[-1][0].keep_alive = False
        else:
            self.transport.close()

    # What a turn calls.

    def next_turn(self, done: Turn) -> None:
        """Go on to the next request, if this one leaves the connection open."""
        self._turns.popleft()
        done.task = None
        self._since = self.loop.time()
        if not done.keep_alive:
            self.transport.close()
        elif self._turns:
            self._begin(*self._turns[0])
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read on, if reading was stopped."""
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _lose(self) -> None:
        self.resume_writing()
        for turn, _ in self._turns:
            turn.lost = True
            turn.wake()
            if turn.on_lost is not None:
                turn.on_lost()

    def _begin(self, turn: Turn, scope: Scope) -> None:
        scope["gateway.turn"] = turn
        turn.task = task = self.loop.create_task(self._app(scope, turn.receive, turn.send))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer without the app, unless an answer is on its way, and close."""
        if self.transport.is_closing():
            return
        coming = self._turn
        if coming is not None and coming.more and coming.done:
            self.transport.close()  # what is wrong is the rest of a request that has been answered
            return
        if self._turns:
            turn, _ = self._turns[-1]
            if turn.started or not turn.more or len(self._turns) > 1:
                self.transport.abort()  # the answer would be taken for that of another request
                return
            self._lose()
        request_id = new_id()
        body = refusal.body(request_id)
        head = block(
            [
                (b"content-type", PROBLEM_TYPE),
                (b"content-length", b"%d" % len(body)),
                (b"x-request-id", request_id.encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
            ]
        )
        self.transport.write(STATUS_LINES[refusal.kind.status] + self.usual + head + b"\r\n" + body)
        self.transport.close()
