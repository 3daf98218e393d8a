"""The server process: uvicorn opens the port and makes the connections, and completes running requests on shutdown.

Why not the server of the services: docs/adr/0006-granian-and-uvicorn.md.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
from collections.abc import Awaitable, Callable

import uvicorn
from service_kit.server.asgi import Message, Receive, Send

from gateway.http_server.http11 import ClientConnection
from gateway.response_headers import encode

AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]
_WATCH_TICKS = 10  # uvicorn ticks every 0.1 s


class Server(uvicorn.Server):
    """uvicorn's server, which also ends slow connections and sets the Date header of all responses."""

    async def on_tick(self, counter: int) -> bool:
        """Check all connections once a second."""
        if counter % _WATCH_TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, ClientConnection):
                    connection.watch(now)
        ending = await super().on_tick(counter)
        ClientConnection.usual = encode(self.server_state.default_headers)
        return ending


def make_server(app: AsgiApp, host: str, port: int) -> Server:
    """Return the server for this app; its `run` blocks until shutdown."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=ClientConnection,
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
            timeout_graceful_shutdown=6,
        )
    )


def serve(app: AsgiApp, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then complete running requests. Exits with 1 if the port is in use."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises the signal again after its shutdown
    gc.collect()
    gc.freeze()  # these objects stay, so later collections need not visit them
    gc.set_threshold(20_000, 20, 50)
    make_server(app, host, port).run()
