"""Request bodies, read whole before a service is called.

So a slow client does not occupy a service, and a truncated body never reaches one.
"""

import asyncio
from tempfile import TemporaryFile
from typing import BinaryIO

from service_kit.server.asgi import Receive

from gateway.errors import Refusal, retry_after

MAX_BODY = 64 * 1024  # bytes, unless a route sets another limit
MAX_ROUTE_BODY = 16 * 1024 * 1024  # bytes, the highest limit that a route may set
MAX_IN_MEMORY = 1024 * 1024  # bytes of one body; a longer one is kept in a file
MEMORY_BYTES = 64 * 1024 * 1024  # of all bodies together
BODY_SECONDS = 15.0
MAX_PARTS = 4096  # that a body may come in, or one for each 256 bytes of the limit: each takes CPU


class RequestBodies:
    """Reads bodies, each within `seconds`; those in memory may have `memory` bytes together."""

    def __init__(self, memory: int = MEMORY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._memory = self._free = memory
        self._seconds = seconds

    async def read(self, receive: Receive, length: int | None, limit: int) -> "RequestBody":
        """Return the whole body, to be closed by the caller; `length` is its Content-Length, None for chunks.

        Raise Refusal: 413 for more than `limit` bytes (without reading, if `length` is more), 400 for a truncated
        body, 408 for one that takes too long, 503 while there is no memory for it.
        """
        if length is not None and length > limit:
            raise _too_large(limit)
        body = RequestBody(self)
        try:
            async with asyncio.timeout(self._seconds):
                await _fill(body, receive, limit)
            if length is not None and body.length != length:
                raise _truncated()
        except TimeoutError:
            body.close()
            raise Refusal("request_timeout", "The body was not received in time.") from None
        except BaseException:
            body.close()
            raise
        return body

    def held(self) -> int:
        """Return the bytes that all bodies in memory have together."""
        return self._memory - self._free

    def take(self, size: int) -> None:
        """Reserve memory, in bytes; a negative size releases it. Raise Refusal (503)."""
        if size > self._free:
            raise _no_memory()
        self._free -= size


class RequestBody:
    """A body: in `data`, or in `file` if it is long; `length` in bytes."""

    __slots__ = ("_bodies", "_parts", "file", "length")

    def __init__(self, bodies: RequestBodies) -> None:
        self._bodies = bodies
        self._parts: list[bytes] = []
        self.file: BinaryIO | None = None
        self.length = 0

    @property
    def data(self) -> bytes:
        """The body, if it is in memory."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def add(self, part: bytes) -> None:
        """Append the next part. Raise Refusal (503)."""
        self.length += len(part)
        if self.length <= MAX_IN_MEMORY:
            self._bodies.take(len(part))
            self._parts.append(part)
            return
        try:
            if self.file is None:
                self.file = TemporaryFile()  # noqa: SIM115 - closed with the body
                part = self.data + part
                self._drop_parts()
            await asyncio.to_thread(self.file.write, part)
        except OSError:  # no disk, or no space left on it
            raise _no_memory() from None

    def close(self) -> None:
        """Release its memory and its file."""
        self._drop_parts()
        if self.file is not None:
            self.file.close()

    def _drop_parts(self) -> None:
        self._bodies.take(-sum(map(len, self._parts)))
        self._parts.clear()


async def _fill(body: RequestBody, receive: Receive, limit: int) -> None:
    more, parts = True, max(MAX_PARTS, limit // 256)
    while more:
        message = await receive()
        parts -= 1
        if parts < 0:
            raise Refusal("bad_request", "The body comes in too many parts.")
        if message["type"] != "http.request":
            raise _truncated()
        part, more = message.get("body", b""), message.get("more_body", False)
        if body.length + len(part) > limit:
            raise _too_large(limit)
        await body.add(part)


def _too_large(limit: int) -> Refusal:
    return Refusal("content_too_large", f"The body may have at most {limit} bytes.")


def _truncated() -> Refusal:
    return Refusal("bad_request", "The body is incomplete.")


def _no_memory() -> Refusal:
    return Refusal("overloaded", "Too many requests are being received.", retry_after(1))
