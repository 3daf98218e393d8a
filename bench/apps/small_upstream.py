"""The service behind every proxy of bench/gateway.py: 1 KB for any GET, at a cost far below that of the proxies."""

import asyncio
import sys

import uvloop

END = b"\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024


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
        self._transport.write(ANSWER * len(heads))  # type: ignore[attr-defined]


async def main() -> None:
    """Serve on the port that the command line names."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
