"""The process in front: uvicorn opens the port, makes the connections, and ends them in peace when it is told to stop.

Why this server, and not the one of the services: docs/adr/0006-granian-and-the-door.md.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import sys

import uvicorn

from gateway.bridge import Asgi
from gateway.http_server.http11 import Connection
from gateway.response_headers import block

_WATCH_EVERY = 10  # ticks of uvicorn, which are 0.1 s


class Server(uvicorn.Server):
    """uvicorn's server, with a watch over slow clients, and the date for all answers."""

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections once in a while."""
        if counter % _WATCH_EVERY == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.watch(now)
        ending = await super().on_tick(counter)
        Connection.usual = block(self.server_state.default_headers)
        return ending


def make_server(app: Asgi, host: str, port: int) -> Server:
    """Return the server for this app; `run` serves until it is told to stop."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Connection,
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
