"""Bodies of requests, read whole before a service is asked.

A slow client holds no service, and half a body reaches none. Needs nothing of the server but ASGI's `receive`.
"""

import asyncio
from tempfile import TemporaryFile
from typing import BinaryIO

from gateway.bridge import Receive
from gateway.errors import Refusal, retry

MAX_BODY = 64 * 1024  # bytes, where a route sets no other bound
MAX_ROUTE_BODY = 16 * 1024 * 1024  # the highest bound that a route may set
MAX_IN_MEMORY = 1024 * 1024  # bytes of one body; a longer one goes to a file
MEMORY_BYTES = 64 * 1024 * 1024  # for all bodies together
BODY_SECONDS = 15.0


class RequestBodies:
    """Reads bodies. Those in memory have at most `memory` bytes in all, and each has `seconds` to come."""

    def __init__(self, memory: int = MEMORY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._free = memory
        self._seconds = seconds

    async def read(self, receive: Receive, length: int | None, limit: int) -> "RequestBody":
        """Return the whole body, which must be closed; `length` is its Content-Length, None for chunks.

        Raises Refusal: 413 past `limit` bytes (at once where `length` says so), 400 for a body that ends early,
        408 for one that takes too long, 503 while there is no room for it.
        """
        if length is not None and length > limit:
            raise _too_large(limit)
        body = RequestBody(self)
        try:
            async with asyncio.timeout(self._seconds):
                await _fill(body, receive, limit)
            if length is not None and body.length != length:
                raise _not_whole()
        except TimeoutError:
            body.close()
            raise Refusal("request_timeout", "The body did not come in time.", close=True) from None
        except BaseException:
            body.close()
            raise
        return body

    def take(self, size: int) -> None:
        """Count bytes that are held in memory; a negative size releases them. Raises Refusal (503)."""
        if size > self._free:
            raise _no_room()
        self._free -= size


class RequestBody:
    """A body: `data` if it is in memory, else `file`; `length` in bytes."""

    __slots__ = ("_bodies", "_parts", "file", "length")

    def __init__(self, bodies: RequestBodies) -> None:
        self._bodies = bodies
        self._parts: list[bytes] = []
        self.file: BinaryIO | None = None
        self.length = 0

    @property
    def data(self) -> bytes:
        """All of a body that is in memory."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def add(self, part: bytes) -> None:
        """Take the next part. Raises Refusal (503)."""
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
        except OSError:  # there is no disk, or no room on it
            raise _no_room() from None

    def close(self) -> None:
        """Release its memory and its file."""
        self._drop_parts()
        if self.file is not None:
            self.file.close()

    def _drop_parts(self) -> None:
        self._bodies.take(-sum(map(len, self._parts)))
        self._parts.clear()


async def _fill(body: RequestBody, receive: Receive, limit: int) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _not_whole()
        part, more = message.get("body", b""), message.get("more_body", False)
        if body.length + len(part) > limit:
            raise _too_large(limit)
        await body.add(part)


def _too_large(limit: int) -> Refusal:
    return Refusal("content_too_large", f"A body has at most {limit} bytes here.", close=True)


def _not_whole() -> Refusal:
    return Refusal("bad_request", "The body ended before it was whole.", close=True)


def _no_room() -> Refusal:
    return Refusal("overloaded", "Too many bodies are being received; try again later.", retry(1), close=True)
