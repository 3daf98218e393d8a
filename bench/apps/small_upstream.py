"""The service behind every gateway of bench/gateway.py, at a cost far below theirs: 1 KB for any GET, or 256 KB."""

import asyncio
import sys

import uvloop

END = b"\r\n\r\n"
LARGE_PATH = b"/orders/large"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
SMALL, LARGE = (HEAD % size + b"x" * size for size in (1024, 256 * 1024))


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to each complete head."""
        *heads, self._rest = (self._rest + data).split(END)
        for head in heads:
            large = head.startswith(LARGE_PATH, 4)  # after "GET "
            self._transport.write(LARGE if large else SMALL)  # type: ignore[attr-defined]


async def main() -> None:
    """Serve on the port that the command line names."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
