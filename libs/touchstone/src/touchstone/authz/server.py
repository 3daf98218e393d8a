"""The server of `touchstone authz`: granian (extra `authz`), which starts a worker again that has failed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from touchstone.authz.options import Options, create_app


def serve(options: Options, make_server: Callable[..., Any] = Granian) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = make_server(
        target="touchstone authz",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=partial(create_app, options), wrap_loader=False)
