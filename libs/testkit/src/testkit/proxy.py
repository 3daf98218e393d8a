"""A TCP proxy on a loopback port that breaks connections as networks and servers do."""

import contextlib
import os
import socket
import struct
import threading
from typing import Literal, Self

Mode = Literal["pass", "refuse", "blackhole", "delay", "trickle", "reset", "truncate", "garbage"]
_PIECE = 65536


class FaultyProxy:
    """Passes connections on to `target` (host, port), or breaks new ones as `mode` says.

    | mode | what a client meets |
    |---|---|
    | pass | the target |
    | refuse | connection refused: the port is closed |
    | blackhole | a connection without any answer |
    | delay | the target, but each answer starts `delay` seconds late |
    | trickle | the target's answer a byte at a time, one every `delay` seconds |
    | reset | a connection that is reset after the first bytes sent |
    | truncate | the first `limit` bytes of the answer, then the end |
    | garbage | random bytes instead of the answer |

    `connections` counts those that were accepted. A context manager, or call `close`.
    """

    def __init__(
        self, target: tuple[str, int], mode: Mode = "pass", *, delay: float = 0.2, limit: int = 40
    ) -> None:
        self.target = target
        self.delay = delay
        self.limit = limit
        self.connections = 0
        self._mode: Mode = "pass"
        self._closed = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._port = 0
        self._listen()
        self.mode = mode

    @property
    def url(self) -> str:
        """The proxy's own base URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def mode(self) -> Mode:
        """The mode of new connections."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "refuse":
            self._stop_listening()
        elif self._listener is None and not self._closed.is_set():
            self._listen()

    def drop(self) -> None:
        """Reset every connection that is open now."""
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _reset(connection)

    def close(self) -> None:
        """Stop listening and reset what is open."""
        self._closed.set()
        self._stop_listening()
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with self._lock:
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client, self._mode), daemon=True).start()

    def _serve(self, client: socket.socket, mode: Mode) -> None:
        with contextlib.suppress(OSError):
            if mode == "blackhole":
                while client.recv(_PIECE):
                    pass
            elif mode == "reset":
                client.recv(_PIECE)
                _reset(client)
            elif mode == "garbage":
                client.recv(_PIECE)
                client.sendall(os.urandom(512))
            else:
                self._relay(client, mode)
        self._forget(client)

    def _relay(self, client: socket.socket, mode: Mode) -> None:
        with socket.create_connection(self.target, 5) as server:
            server.settimeout(None)
            back = threading.Thread(target=self._answer, args=(server, client, mode), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while piece := client.recv(_PIECE):
                    server.sendall(piece)
                server.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, server: socket.socket, client: socket.socket, mode: Mode) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while piece := server.recv(_PIECE):
                if mode == "truncate":
                    piece = piece[: self.limit - sent]
                    sent += len(piece)
                if mode == "delay":
                    self._closed.wait(self.delay)
                self._send(client, piece, slowly=mode == "trickle")
                if mode == "truncate" and sent >= self.limit:
                    break
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _send(self, client: socket.socket, piece: bytes, *, slowly: bool) -> None:
        if not slowly:
            client.sendall(piece)
            return
        for byte in piece:
            client.sendall(bytes((byte,)))
            if self._closed.wait(self.delay):
                return

    def _forget(self, client: socket.socket) -> None:
        with self._lock:
            self._open.discard(client)
        client.close()


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads
    connection.close()
