"""A WSGI app behind an ASGI server: the event loop reads whole requests, a few threads run the app.

In ASGI a truncated body differs from a whole one, and a slow one holds no thread; granian's WSGI interface offers
neither (it ends a truncated body as if it were whole).
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache, partial
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.exceptions import HTTPException

from service_kit.server import shutdown
from service_kit.web import request_body
from service_kit.web.request_body import BodyLimits
from service_kit.worker_threads import ThreadRequired, WorkerThreads, trying

OVERTAKE_AFTER_SECONDS = 0.01  # without progress, before the next request starts
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
WsgiResponse = tuple[int, Headers, bytes]
_READS = frozenset({"GET", "HEAD"})
_BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "service-kit",
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


class AsgiServer:
    """The ASGI application that serves a Flask app of service_kit.

    The app's configuration has the number of THREADS and of those that run at once (THREADS_AT_ONCE, see
    WorkerThreads); `web.request_validation` sets the limits of a body. With READS_IN_LOOP a GET or HEAD without a body
    is tried in the event loop, which saves a change of threads, and starts again on a thread where it calls
    `release_slot` or `require_thread`. A read that blocks without these calls stops the whole process. With
    DRAIN_SECONDS requests are served for this time after SIGTERM, each as the last one on its connection.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app.wsgi_app
        self._limits: BodyLimits = app.extensions["request_body"]
        self._sizes = (app.config["THREADS"], app.config["THREADS_AT_ONCE"])
        self._reads_in_loop: bool = app.config.get("READS_IN_LOOP", False)
        self._workers: WorkerThreads | None = None
        self._watched = False
        self._drain_seconds: float = app.config.get("DRAIN_SECONDS", 0)
        self._stopping = shutdown.stopping() if self._drain_seconds else None
        shutdown.end_with_parent()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        loop = asyncio.get_running_loop()
        workers = self._workers
        if workers is None:
            # Started here, in the process that serves: it may have been forked from the one that imported the app.
            workers = self._workers = WorkerThreads(*self._sizes)
            shutdown.listen_again(self._drain_seconds)
        environ = environment(scope)
        fault = await self._read(scope, environ, receive)
        response = None
        if self._reads_in_loop and scope["method"] in _READS and "CONTENT_LENGTH" not in environ:
            response = self._try(environ)
        if response is None:
            response = await self._run_on_thread(loop, workers, environ)
        status, headers, body = response
        if fault is not None:
            headers.append((b"connection", b"close"))  # the rest of the body is no new request
        elif self._stopping is not None and self._stopping.is_set():
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _try(self, environ: dict[str, Any]) -> WsgiResponse | None:
        """Return the response, or None if the request would block."""
        try:
            with trying():
                return respond(self._app, dict(environ))
        except ThreadRequired:
            return None

    async def _run_on_thread(
        self, loop: asyncio.AbstractEventLoop, workers: WorkerThreads, environ: dict[str, Any]
    ) -> WsgiResponse:
        done: asyncio.Future[WsgiResponse] = loop.create_future()

        def job() -> None:
            finish: Callable[[], None]
            try:
                finish = partial(done.set_result, respond(self._app, environ))
            except BaseException as error:  # noqa: BLE001 - the server logs it and responds 500
                finish = partial(done.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(finish)

        if workers.submit(job) and not self._watched:
            self._watched = True
            loop.call_later(OVERTAKE_AFTER_SECONDS, self._watch, loop, workers)
        return await done

    def _watch(self, loop: asyncio.AbstractEventLoop, workers: WorkerThreads) -> None:
        self._watched = workers.overtake()
        if self._watched:
            loop.call_later(OVERTAKE_AFTER_SECONDS, self._watch, loop, workers)

    async def _read(self, scope: Message, environ: dict[str, Any], receive: Receive) -> HTTPException | None:
        """Read the whole body into the environment, or its error, and return the error."""
        body = b""
        try:
            length = request_body.announced_length(
                environ.get("CONTENT_LENGTH"), environ.pop("HTTP_TRANSFER_ENCODING", None)
            )
            if length is not None and length > self._limits.size:
                raise self._limits.too_large()
            if length != 0 or scope["http_version"][0] != "1":  # HTTP/2 need not announce a body
                async with asyncio.timeout(self._limits.seconds):
                    body = await self._collect(receive)
                if length and len(body) != length:
                    raise request_body.incomplete()
        except TimeoutError:
            fault: HTTPException | None = self._limits.too_slow()
        except HTTPException as error:
            fault = error
        else:
            fault = None
            if body:
                environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        environ[request_body.FAULT] = fault
        return fault

    async def _collect(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise request_body.incomplete()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.size:
                raise self._limits.too_large()
            more = message.get("more_body", False)
        return b"".join(parts)


def environment(scope: Message) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) of an ASGI request, without its body.

    Repeated headers are joined with a comma, cookies with a semicolon (RFC 9113 section 8.2.3). Headers with an
    underscore in their name are dropped: WSGI cannot distinguish it from a hyphen.
    """
    server, client = scope.get("server") or ("127.0.0.1", 0), scope.get("client")
    environ = {
        **_BASE,
        "wsgi.url_scheme": scope["scheme"],
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0] if client else "",  # a Unix socket has none
    }
    for raw, value in scope["headers"]:
        name = _variable(raw)
        text = value.decode("latin-1")
        if name in environ:
            text = f"{environ[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{text}"
        if name:
            environ[name] = text
    return environ


@lru_cache(maxsize=256)
def _variable(header: bytes) -> str:
    """Return the WSGI name of a header, or an empty string if it is dropped."""
    if b"_" in header:
        return ""
    name = header.decode("latin-1").upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"


def respond(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> WsgiResponse:
    """Call a WSGI app and return its status, headers and whole body."""
    started: list[tuple[int, Headers]] = []
    parts: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], None]:
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        started.append((int(status[:3]), lines))
        return parts.append

    body = app(environ, start_response)
    try:
        parts.extend(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    status, headers = started[-1]
    return status, headers, b"".join(parts)
