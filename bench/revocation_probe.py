"""Watches processes from nearby: asks each, over a connection of its own, until it refuses a token or tells a change.

A program that reads commands, a JSON object a line, and answers likewise; the standard library alone, for it runs in
containers too. All processes of a machine share one monotonic clock, and so do its containers: the times that it tells
are comparable with the caller's.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

PATIENCE = 10.0  # seconds for one answer
TRIES = 200  # connections that may be opened until each process of a service has taken one
REFUSED = 401


class Process:
    """One process of a service. Where several share a port, `owner` is the one that must have taken the connection."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        path: str,
        metrics: tuple[str, int] | None = None,
        *,
        publishes: bool = False,
    ) -> None:
        self.name = name
        self.address = address
        self.path = path
        self.metrics = metrics
        self.owner: int | None = None
        self.publishes = publishes
        self._socket: socket.socket | None = None

    def settle(self, token: str) -> str | None:
        """Look for the first time, before anything happens; return what it has against the token already, or None."""
        return self.look(token)

    def look(self, token: str) -> str | None:
        """Return why the token is refused, None while it is believed."""
        status, _, body = self.ask(self.path, {"Authorization": f"Bearer {token}"})
        return _slug(body) if status == REFUSED else None

    def ask(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, bytes]:
        """Return the answer's status, head and body; on a new connection to the same process where the old one has ended."""
        lines = {"Host": f"{self.address[0]}:{self.address[1]}", **(headers or {})}
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"GET {path} HTTP/1.1\r\n{told}\r\n".encode()
        try:
            return _exchange(self._socket or self.connect(), request)
        except (ConnectionError, EOFError):
            return _exchange(self.connect(), request)

    def read_metrics(self) -> str:
        """Return the process's metrics; from a port of its own where there is one."""
        if self.metrics is None:
            return self.ask("/metrics")[2].decode()
        return Process(self.name, self.metrics, "").ask("/metrics")[2].decode()

    def connect(self) -> socket.socket:
        """Open connections until the right process has taken one."""
        for _ in range(TRIES):
            if self._socket is not None:
                self._socket.close()
            self._socket = socket.create_connection(self.address, PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.owner is None or self.owner == self.find_owner():
                return self._socket
        raise EOFError(f"no connection reaches {self.name} any more")

    def find_owner(self) -> int:
        """Return the id of the process at the other end of the connection, from Linux's /proc."""
        if self._socket is None:
            self.connect()
        self.ask("/livez")  # whoever answers has accepted
        ours = self._socket.getsockname()[1] if self._socket else 0
        inode = _inode(local=self.address[1], remote=ours)
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(link.readlink()) == f"socket:[{inode}]":
                    return int(link.parts[2])
            except OSError:
                continue  # it ended meanwhile, or is somebody else's
        raise EOFError(f"nobody holds the other end of {self.name}")


class Waiter(Process):
    """One of those who wait at a process of the mint until a document changes, as verifiers do."""

    def __init__(self, mint: Process, document: str) -> None:
        super().__init__(f"told by {mint.name}", mint.address, document)
        self.owner = mint.owner
        self._etag = ""

    def settle(self, token: str) -> str | None:  # noqa: ARG002 (as every process has it)
        """Learn what stands in it now."""
        self._etag = _etag(self.ask(self.path)[1])
        return None

    def look(self, token: str) -> str | None:  # noqa: ARG002 (likewise)
        """Wait for another state of it; None if there is none for some time."""
        held = {"If-None-Match": self._etag, "Prefer": f"wait={int(PATIENCE / 2)}"}
        return "told" if _etag(self.ask(self.path, held)[1]) != self._etag else None


def _etag(head: bytes) -> str:
    at = head.lower().index(b"\r\netag:")
    return head[at:].split(b"\r\n", 2)[1].partition(b":")[2].strip().decode()


def _inode(*, local: int, remote: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(fields[at].rpartition(":")[2], 16) for at in (1, 2)] == [local, remote]:
            return fields[9]
    return "-"


def _exchange(connection: socket.socket, request: bytes) -> tuple[int, bytes, bytes]:
    connection.sendall(request)
    received = b""
    while True:
        chunk = connection.recv(262_144)
        if not chunk:
            raise EOFError("the connection ended")
        received += chunk
        head, separator, body = received.partition(b"\r\n\r\n")
        if not separator:
            continue
        lowered = head.lower()
        if b"\r\ntransfer-encoding: chunked" in lowered:
            complete = body.endswith(b"0\r\n\r\n")
        else:
            length = lowered.partition(b"\r\ncontent-length:")[2]
            complete = len(body) >= int(length.split(b"\r\n", 1)[0] or 0)
        if complete:
            return int(head[9:12]), head, body


def discover(service: dict[str, Any]) -> list[Process]:
    """Return the processes of a service: one at each of its addresses, or all that share its one address."""
    name, count, metrics = service["name"], service["processes"], service.get("metrics") or []
    addresses = sorted(
        {
            (str(entry[4][0]), int(entry[4][1]))
            for host, port in service["addresses"]
            for entry in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
        }
    )

    def at(address: tuple[str, int], number: int) -> Process:
        own = tuple(metrics[addresses.index(address)]) if metrics else None
        return Process(f"{name} {number}", address, service["path"], own, publishes=service["publishes"])

    if len(addresses) == count:
        return [at(address, number) for number, address in enumerate(addresses, 1)]
    processes: list[Process] = []
    for _ in range(TRIES):
        one = at(addresses[0], len(processes) + 1)
        owner = one.find_owner()
        if owner not in {known.owner for known in processes}:
            one.owner = owner
            processes.append(one)
        if len(processes) == count:
            return processes
    raise SystemExit(f"{name}: {len(processes)} processes answered, {count} were expected")


class Watch:
    """Asks all processes over and over with one token, each from a thread, until each has refused it."""

    def __init__(self, processes: list[Process], token: str, every: float, bound: float) -> None:
        self._token, self._every, self._bound = token, every, bound
        self._ready = threading.Barrier(len(processes) + 1)
        self.refused: dict[str, tuple[float, str] | None] = {}
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._watch, args=(one,)) for one in processes]

    def begin(self) -> None:
        """Return when every process has accepted the token once."""
        for thread in self._threads:
            thread.start()
        self._ready.wait(PATIENCE)

    def end(self) -> None:
        """Return when every process has refused it, or the bound is over."""
        for thread in self._threads:
            thread.join()

    def _watch(self, process: Process) -> None:
        self.refused[process.name] = None
        if why := process.settle(self._token):
            self.faults.append(f"{process.name} refused a good token: {why}")
        self._ready.wait(PATIENCE)
        deadline = time.monotonic() + self._bound
        while time.monotonic() < deadline and not self.faults:
            if why := process.look(self._token):
                self.refused[process.name] = (time.monotonic(), why)
                return
            time.sleep(self._every)


def _slug(body: bytes) -> str:
    try:
        return str(json.loads(body)["type"]).rpartition(":")[2]
    except (ValueError, KeyError, TypeError):
        return "?"


def main() -> None:
    """Do what is asked until there is nothing more to read."""
    processes: list[Process] = []

    @cache
    def waiters(document: str) -> list[Waiter]:
        return [Waiter(one, document) for one in processes if one.publishes]

    for line in sys.stdin:
        command = json.loads(line)
        if "open" in command:
            processes = [one for service in command["open"] for one in discover(service)]
            _say({"processes": [one.name for one in processes]})
        elif "metrics" in command:
            _say({"metrics": {one.name: one.read_metrics() for one in processes}, "at": time.monotonic()})
        else:
            watched = waiters(command["document"]) if command["document"] else processes
            watch = Watch(watched, command["watch"], command["every"], command["bound"])
            watch.begin()
            _say({"faults": watch.faults})
            watch.end()
            _say({"refused": watch.refused, "faults": watch.faults})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
