"""One address of a service, as others see it: how well it works, how busy it is, and its idle connections."""

from collections.abc import Callable
from typing import Any, Protocol

from service_kit.http_client.circuit_breaker import CircuitBreaker

# Less than the services' 30 s, so that they do not close a connection that is about to be used.
IDLE_SECONDS = 15.0
MAX_IDLE = 128
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]  # as returned by getaddrinfo


class IdleConnection(Protocol):
    """A connection between two exchanges."""

    idle_since: float

    @property
    def closed(self) -> bool:
        """Whether one of the two sides has closed it."""

    def abort(self) -> None:
        """Close it at once."""


class Address:
    """One address of a service.

    `ready` is the result of the last check, `calls` the number of exchanges under way. `broken` says that its breaker
    is not closed; `changed` is called when that changes.
    """

    __slots__ = ("_changed", "breaker", "broken", "calls", "idle", "info", "ready")

    def __init__(self, info: AddressInfo, changed: Callable[[], None], *, ready: bool) -> None:
        self.info = info
        self.breaker = CircuitBreaker()
        self.broken = False
        self.calls = 0
        self.idle: list[IdleConnection] = []
        self.ready = ready
        self._changed = changed

    def take(self, now: float) -> Any:
        """Return the idle connection that was used last, None if there is none."""
        while self.idle:
            connection = self.idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and not connection.closed:
                return connection
            connection.abort()
        return None

    def keep(self, connection: IdleConnection) -> bool:
        """Keep an idle connection, unless there are enough or the address is going away; return whether it was kept."""
        if not self.ready or len(self.idle) >= MAX_IDLE:
            return False
        self.idle.append(connection)
        return True

    def close_idle(self) -> None:
        """Close the idle connections."""
        while self.idle:
            self.idle.pop().abort()

    def succeeded(self) -> None:
        """Record a response."""
        self.breaker.record_success()
        if self.broken:
            self.broken = False
            self._changed()

    def failed(self) -> None:
        """Record that there was no response, or an invalid one."""
        self.breaker.record_failure()
        if not self.broken and self.breaker.state != "closed":
            self.broken = True
            self._changed()
