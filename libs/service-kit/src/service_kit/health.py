"""Is the process up, and can it serve: /livez and /readyz."""

import structlog
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as CheckTimeout

Check = Callable[[], str | None]
BOUND = 2.0
_log = structlog.get_logger(__name__)


class Health:
    """Runs the checks of one app, each in its own thread, each for at most `bound` seconds.

    A check returns None or the reason why it does not hold. One that raises, or does not end in time, does not hold;
    its words stay in the log, for they may name hosts and users.
    """

    def __init__(self, checks: Mapping[str, Check], bound: float = BOUND) -> None:
        self._checks = dict(checks)
        self._bound = bound
        self._running: dict[str, Future[str | None]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def reasons(self) -> dict[str, str]:
        """Return the reasons not to send requests here, by check; empty when there are none."""
        if not self._checks:
            return {}
        if self._pool is None:  # made late: servers fork after the app is built
            self._pool = ThreadPoolExecutor(len(self._checks), thread_name_prefix="health")
        for name, check in self._checks.items():
            if name not in self._running or self._running[name].done():
                self._running[name] = self._pool.submit(check)
        found = {name: self._reason(name, future) for name, future in list(self._running.items())}
        return {name: reason for name, reason in found.items() if reason is not None}

    def _reason(self, name: str, future: "Future[str | None]") -> str | None:
        try:
            return future.result(self._bound)
        except CheckTimeout:
            return f"no answer within {self._bound:g} s"
        except Exception:
            _log.warning("health check failed", check=name, exc_info=True)
            return "check failed"
