"""Between ASGI and WSGI, both ways: Flask behind the door, and the door under a WSGI server."""

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import Future
from io import BytesIO
from typing import Any
from urllib.parse import quote_from_bytes

from service_kit.server.asgi import environment, respond

from gateway.headers import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_CHUNK = 16 * 1024


def call_wsgi(
    app: Wsgi, scope: Scope, path: str, query: bytes | None, body: bytes
) -> tuple[int, Headers, bytes]:
    """Call a WSGI app with a request whose body is at hand; return the whole answer. Blocks."""
    environ = environment({**scope, "raw_path": path.encode(), "query_string": query or b""})
    environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    return respond(app, environ)


class AsWsgi:
    """An ASGI app as a WSGI app, for servers that speak nothing else.

    One thread runs the event loop for all requests of the process; each request also holds the server's own thread.
    Meant for `flask run` and the like: the raw request target is known only where the server tells it (REQUEST_URI,
    RAW_URI), else the decoded path is encoded again.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._environ = {(n, v) for n, v in os.environ.items() if n.startswith("HTTP_")}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        """Serve one request; the answer comes chunk by chunk."""
        answers: queue.Queue[Message] = queue.Queue(4)
        source = _body(environ)
        ended = False

        async def receive() -> Message:
            nonlocal ended
            if ended:
                await asyncio.sleep(3600)
            message = await _in_thread(source)
            ended = not message.get("more_body")
            return message

        async def send(message: Message) -> None:
            while True:
                try:
                    answers.put_nowait(message)
                except queue.Full:
                    await asyncio.sleep(0.005)
                else:
                    return

        async def run() -> None:
            try:
                await self._app(self._scope(environ), receive, send)
            finally:
                await send({"type": "end"})

        task = asyncio.run_coroutine_threadsafe(run(), self._running())
        start = answers.get()
        if start["type"] == "end":
            task.result()
            raise RuntimeError("the app did not answer")
        headers = [(n.decode("latin-1").title(), v.decode("latin-1")) for n, v in start["headers"]]
        start_response(f"{start['status']} {_phrase(start['status'])}", headers)
        return _parts(answers, task)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="gateway-loop", daemon=True).start()
            return self._loop

    def _scope(self, environ: dict[str, Any]) -> Scope:
        target = environ.get("REQUEST_URI") or environ.get("RAW_URI")
        if target is None:
            target = quote_from_bytes(
                environ.get("PATH_INFO", "").encode("latin-1"), safe="/~!$&'()*+,=:@;\\"
            )
            query = environ.get("QUERY_STRING")
            target += f"?{query}" if query else ""
        headers = [
            (name[5:].lower().replace("_", "-").encode("latin-1"), str(value).encode("latin-1"))
            for name, value in environ.items()
            if name.startswith("HTTP_") and (name, value) not in self._environ
        ]
        headers += [
            (name.lower().replace("_", "-").encode(), environ[name].encode("latin-1"))
            for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
            if environ.get(name)
        ]
        return {
            "type": "http",
            "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
            "method": environ["REQUEST_METHOD"],
            "scheme": environ.get("wsgi.url_scheme", "http"),
            "client": (environ.get("REMOTE_ADDR", ""), 0),
            "server": (environ.get("SERVER_NAME", ""), int(environ.get("SERVER_PORT") or 0)),
            "gateway.target": target.encode("latin-1"),
            "headers": headers,
        }


def _body(environ: dict[str, Any]) -> Iterator[Message]:
    """Read the request's body piece by piece, never past its end; one that is not whole ends in a disconnect."""
    source, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH")
    chunked = environ.get("HTTP_TRANSFER_ENCODING") is not None
    if chunked and not environ.get("wsgi.input_terminated"):
        yield {"type": "http.disconnect"}  # the server does not report where such a body ends
    left = sys.maxsize if chunked else int(length or 0)
    while left > 0:
        try:
            data = source.read(min(_CHUNK, left))
        except Exception:  # noqa: BLE001 - each server has errors of its own for a body that breaks off
            yield {"type": "http.disconnect"}
            return
        if not data:
            break
        left -= len(data)
        yield {"type": "http.request", "body": data, "more_body": left > 0}
    yield {"type": "http.request" if chunked or not left else "http.disconnect"}


async def _in_thread(source: Iterator[Message]) -> Message:
    """Return the next message, read by a thread of its own: a slow client holds no other request's."""
    loop = asyncio.get_running_loop()
    read: asyncio.Future[Message] = loop.create_future()

    def tell(message: Message) -> None:
        if not read.done():
            read.set_result(message)

    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(tell, next(source)), daemon=True)
    thread.start()
    return await read


def _parts(answers: "queue.Queue[Message]", task: "Future[None]") -> Iterator[bytes]:
    try:
        while True:
            message = answers.get()
            if message["type"] == "end":
                return
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return
    finally:
        task.cancel()  # ended, or the client has gone


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
