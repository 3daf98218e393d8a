"""How the gateway answers its own routes: a handler for each path, and responses in JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.request import Request

# Sends the whole response by `Request.finish`, or in parts by `Request.start` and `Request.write`; may raise Refusal.
Handler = Callable[[Request], Awaitable[None]]
_NO_STORE = (b"cache-control", b"no-store")


async def send(request: Request, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response with these headers and the security headers that they leave out."""
    await request.finish(status, request.response_headers(status, headers), body)


async def json_response(request: Request, status: int, value: Any, *headers: tuple[bytes, bytes]) -> None:
    """Send a value as JSON, which is not cached."""
    body = json.dumps(value).encode()
    await send(request, status, body, (b"content-type", b"application/json"), _NO_STORE, *headers)
