"""The readiness checks behind /readyz."""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from service_kit.worker_threads import release_slot

Check = Callable[[], str | None]
TIMEOUT_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class _Run:
    """One run of one check, in a daemon thread."""

    def __init__(self, name: str, check: Check) -> None:
        self.done = threading.Event()
        self.reason: str | None = None
        threading.Thread(target=self._run, args=(name, check), name=f"check-{name}", daemon=True).start()

    def _run(self, name: str, check: Check) -> None:
        try:
            self.reason = check()
        except Exception:  # noqa: BLE001 - a check may fail in any way
            # The error is for the log alone: it may name hosts and users.
            _log.warning("health check failed", check=name, exc_info=True)
            self.reason = "the check failed"
        self.done.set()


class Health:
    """Runs the checks of an app concurrently, for at most `timeout` seconds.

    A check returns None, or the reason why it fails. A check that raises or does not end in time fails; one that
    hangs is not started a second time.
    """

    def __init__(self, checks: Mapping[str, Check], timeout: float = TIMEOUT_SECONDS) -> None:
        self._checks = dict(checks)
        self._timeout = timeout
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()

    def reasons(self) -> dict[str, str]:
        """Return the reasons of the failing checks, by check."""
        release_slot()
        with self._lock:
            for name, check in self._checks.items():
                if name not in self._runs or self._runs[name].done.is_set():
                    self._runs[name] = _Run(name, check)
            runs = dict(self._runs)
        deadline = time.monotonic() + self._timeout
        found = {name: self._reason(run, deadline) for name, run in runs.items()}
        return {name: reason for name, reason in found.items() if reason is not None}

    def response(self) -> tuple[dict[str, object], int]:
        """Return the body and the status of /readyz."""
        reasons = self.reasons()
        return ({"status": "unready", "reasons": reasons}, 503) if reasons else ({"status": "ready"}, 200)

    def _reason(self, run: _Run, deadline: float) -> str | None:
        if run.done.wait(max(0.0, deadline - time.monotonic())):
            return run.reason
        return f"no answer within {self._timeout:g} s"
