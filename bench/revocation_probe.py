"""Probes processes, each over its own connection, until it refuses a token or reports a changed document.

The program reads commands and writes results, one JSON object a line. It uses only the standard library, as it also runs in
containers. All processes and containers of a machine share one monotonic clock, so its times can be compared with the
caller's.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10.0  # of one response
MAX_CONNECTIONS = 200  # to open until each process of a service has accepted one
REFUSED = 401


class Process:
    """A process of a service. If several share a port, `owner` is the id of the one that must accept the connection."""

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

    def prepare(self, token: str) -> str | None:
        """Probe for the first time, before anything happens; return why the token is refused, None if it is accepted."""
        return self.probe(token)

    def probe(self, token: str) -> str | None:
        """Return why the token is refused, None if it is accepted."""
        status, _, body = self.get(self.path, {"Authorization": f"Bearer {token}"})
        return _slug(body) if status == REFUSED else None

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, bytes]:
        """Return the status, head and body of a response; reconnect to the same process if the connection has ended."""
        lines = {"Host": f"{self.address[0]}:{self.address[1]}", **(headers or {})}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"GET {path} HTTP/1.1\r\n{text}\r\n".encode()
        try:
            return _exchange(self._socket or self.connect(), request)
        except (ConnectionError, EOFError):
            return _exchange(self.connect(), request)

    def read_metrics(self) -> str:
        """Return the metrics of the process, from its metrics port if it has one."""
        if self.metrics is None:
            return self.get("/metrics")[2].decode()
        return Process(self.name, self.metrics, "").get("/metrics")[2].decode()

    def connect(self) -> socket.socket:
        """Open connections until the right process has accepted one."""
        for _ in range(MAX_CONNECTIONS):
            if self._socket is not None:
                self._socket.close()
            self._socket = socket.create_connection(self.address, TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.owner is None or self.owner == self.find_owner():
                return self._socket
        raise EOFError(f"{self.name} accepts no connection any more")

    def find_owner(self) -> int:
        """Return the id of the process at the other end of the connection, from Linux's /proc."""
        if self._socket is None:
            self.connect()
        self.get("/livez")  # a process that responds has accepted
        ours = self._socket.getsockname()[1] if self._socket else 0
        inode = _inode(local=self.address[1], remote=ours)
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(link.readlink()) == f"socket:[{inode}]":
                    return int(link.parts[2])
            except OSError:
                continue  # the process has ended, or belongs to another user
        raise EOFError(f"no process holds the other end of the connection to {self.name}")


class LongPoll(Process):
    """A long poll at a process of auth-service until a document changes, as verifiers do."""

    def __init__(self, publisher: Process, document: str) -> None:
        super().__init__(f"woken by {publisher.name}", publisher.address, document)
        self.owner = publisher.owner
        self._etag = ""

    def prepare(self, token: str) -> str | None:  # noqa: ARG002 - the signature of Process
        """Read the current version."""
        self._etag = _etag(self.get(self.path)[1])
        return None

    def probe(self, token: str) -> str | None:  # noqa: ARG002 - the signature of Process
        """Wait for another version; return None if there is none for some time."""
        held = {"If-None-Match": self._etag, "Prefer": f"wait={int(TIMEOUT_SECONDS / 2)}"}
        return "changed" if _etag(self.get(self.path, held)[1]) != self._etag else None


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
    """Return the processes of a service: one at each of its addresses, or all that share its only address."""
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
    for _ in range(MAX_CONNECTIONS):
        one = at(addresses[0], len(processes) + 1)
        owner = one.find_owner()
        if owner not in {known.owner for known in processes}:
            one.owner = owner
            processes.append(one)
        if len(processes) == count:
            return processes
    raise SystemExit(f"{name}: {len(processes)} processes responded, expected {count}")


class Measurement:
    """Probes all processes with one token, each from a thread, until each has refused it."""

    def __init__(self, processes: Sequence[Process], token: str, every: float, bound: float) -> None:
        self._token, self._every, self._bound = token, every, bound
        self._ready = threading.Barrier(len(processes) + 1)
        self.refused: dict[str, tuple[float, str] | None] = {}
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._measure, args=(one,)) for one in processes]

    def begin(self) -> None:
        """Return when every process has accepted the token once."""
        for thread in self._threads:
            thread.start()
        self._ready.wait(TIMEOUT_SECONDS)

    def end(self) -> None:
        """Return when every process has refused it, or `bound` seconds have passed."""
        for thread in self._threads:
            thread.join()

    def _measure(self, process: Process) -> None:
        self.refused[process.name] = None
        if why := process.prepare(self._token):
            self.faults.append(f"{process.name} refused a valid token: {why}")
        self._ready.wait(TIMEOUT_SECONDS)
        deadline = time.monotonic() + self._bound
        while time.monotonic() < deadline and not self.faults:
            if why := process.probe(self._token):
                self.refused[process.name] = (time.monotonic(), why)
                return
            time.sleep(self._every)


def _slug(body: bytes) -> str:
    try:
        return str(json.loads(body)["type"]).rpartition(":")[2]
    except (ValueError, KeyError, TypeError):
        return "?"


def main() -> None:
    """Execute commands until the input ends."""
    processes: list[Process] = []

    @cache
    def long_polls(document: str) -> list[LongPoll]:
        return [LongPoll(one, document) for one in processes if one.publishes]

    for line in sys.stdin:
        command = json.loads(line)
        if "open" in command:
            processes = [one for service in command["open"] for one in discover(service)]
            _write({"processes": [one.name for one in processes]})
        elif "metrics" in command:
            _write({"metrics": {one.name: one.read_metrics() for one in processes}, "at": time.monotonic()})
        else:
            probed = long_polls(command["document"]) if command["document"] else processes
            measurement = Measurement(probed, command["token"], command["every"], command["bound"])
            measurement.begin()
            _write({"faults": measurement.faults})
            measurement.end()
            _write({"refused": measurement.refused, "faults": measurement.faults})


def _write(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
