"""The server process: granian reads HTTP/1.1 and HTTP/2 from clients and calls the ASGI app."""

import contextlib
import gc
import logging
import os
import resource
import signal
from typing import Any

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server import Server
from service_kit.server import shutdown
from service_kit.settings import load

from gateway.app import create_app
from gateway.asgi import Gateway
from gateway.request import TruncatedResponseError
from gateway.settings import Settings

IDLE_SECONDS = 75  # of a connection without a request: proxies in front keep theirs for 60 s
MAX_CONNECTIONS = 4096
OPTIONS: dict[str, Any] = {
    "interface": Interfaces.ASGI,
    "websockets": False,
    "backlog": 2048,
    "backpressure": MAX_CONNECTIONS,
    "http1_settings": HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000, max_buffer_size=96 * 1024),
    "http2_settings": HTTP2Settings(
        keep_alive_interval=IDLE_SECONDS * 1000, max_concurrent_streams=100, max_headers_size=64 * 1024
    ),
    "log_level": LogLevels.error,
    "log_dictconfig": {"loggers": {"_granian": {"propagate": True}}},  # to the handler of service_kit
}


def serve(settings: Settings) -> None:
    """Serve on GATEWAY_HOST and GATEWAY_PORT until SIGTERM or SIGINT, then complete running requests."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    os.register_at_fork(after_in_child=_end_by_signals)
    Server(
        "gateway.server:make_app",
        settings.gateway_host,
        settings.gateway_port,
        factory=True,
        ssl_cert=settings.gateway_tls_cert,
        ssl_key=settings.gateway_tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        **OPTIONS,
    ).serve()


def make_app() -> Gateway:
    """Return the app, in the process that serves it."""
    app = create_app(load(Settings.read))
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_unexpected)
    shutdown.end_with_parent()
    gc.collect()
    gc.freeze()  # these objects stay, so later collections need not visit them
    gc.set_threshold(20_000, 20, 50)
    return app


def _end_by_signals() -> None:
    """Have signals end a worker that starts: the main process's handlers, which it inherits, would ignore them."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Return whether to log a record: the exception that cuts a response short is not an error of the app.

    granian logs its traceback as text, whose last line names the exception.
    """
    return not record.getMessage().rpartition("\n")[2].startswith(TruncatedResponseError.__name__)
