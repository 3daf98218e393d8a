"""The session of this process with a PKCS#11 token: used by one thread at a time, reopened if it is lost."""

import functools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import structlog
from pydantic import SecretStr

from auth_service.domain.clock import Clock
from auth_service.signing.key_storage import KeyStorageUnavailable
from auth_service.signing.pem import KeyFault

Session = Any  # of python-pkcs11, which need not be installed
RETRY_AFTER = 1.0  # seconds between two attempts to use an unavailable token
_PAUSES = (0.0, 0.05, 0.2)  # seconds between the tries to log in
_BAD_PIN = ("PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired")
_log = structlog.get_logger(__name__)
T = TypeVar("T")

# python-pkcs11 initialises a module with C_Initialize(NULL), which promises it that no two threads call at once, and
# lets go of the GIL while it calls: without this lock SoftHSM crashes. The promise holds for all of a process.
_lock = threading.RLock()


@dataclass
class _History:
    """Events that end all sessions of this process; session numbers are reused, and may then mean another token."""

    starts: int = 0
    forked: bool = False


_history = _History()


def _forked() -> None:
    _history.forked = True
    _lock.release()


# no call is under way while the process forks, and a child restarts the module before its first call
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forked)


def package() -> ModuleType:
    """Return python-pkcs11, imported only if keys are in a PKCS#11 token; raise KeyFault if it is not installed."""
    try:
        import pkcs11
    except ImportError:
        raise KeyFault(
            "SIGNING_STORE=pkcs11 needs the package python-pkcs11: pip install 'auth-service[pkcs11]'"
        ) from None
    else:
        module: ModuleType = pkcs11
        return module


class Connection:
    """The session with one PKCS#11 token. Use `connect`: a process logs in to a token once."""

    def __init__(self, module: Path, token: str, pin: SecretStr, ticks: Clock = time.monotonic) -> None:
        self._path, self._label, self._pin, self._ticks = module, token, pin, ticks
        self._session: Session = None
        self._starts = 0
        self._refused: str | None = None
        self._unavailable_until = float("-inf")
        self._pkcs11 = package()

    def run(self, work: Callable[[Session], T]) -> T:
        """Return the result of `work`, called again in a new session if the first attempt fails.

        No other thread of this process uses any PKCS#11 token meanwhile. Raise KeyStorageUnavailable, or KeyFault if
        the module, the token or the PIN is unusable.
        """
        failure = self._pkcs11.PKCS11Error
        with _lock:
            try:
                return work(self._living())
            except failure as error:
                _log.warning("the token is used again in a new session", reason=type(error).__name__)
                self._session = None
            try:
                return work(self._opened())
            except failure as error:
                raise KeyStorageUnavailable(
                    f"the PKCS#11 token {self._label} answers {type(error).__name__}"
                ) from None

    def restart(self) -> None:
        """Restart the module, which tells an empty token from a removed one; raise KeyStorageUnavailable."""
        with _lock:
            self._session = None
            self._opened(restart=True)

    def _living(self) -> Session:
        session = self._session
        if session is None or _history.forked or self._starts != _history.starts:
            return self._opened(restart=_history.forked)
        # a lost session is noticed here: in a search python-pkcs11 cannot clean up after it
        session.generate_random(64)
        return session

    def _opened(self, *, restart: bool = False) -> Session:
        if self._refused:
            raise KeyFault(self._refused)  # a token locks itself after a few wrong PINs
        if self._ticks() < self._unavailable_until:
            raise KeyStorageUnavailable(f"the PKCS#11 token {self._label} is unavailable")
        module = self._module()
        bad_pin = tuple(getattr(self._pkcs11, name) for name in _BAD_PIN)
        try:
            session = self._logged_in(module, bad_pin, restart=restart)
        except bad_pin as error:
            self._refused = f"the PKCS#11 token {self._label} refuses PKCS11_PIN ({type(error).__name__})"
            raise KeyFault(self._refused) from None
        except self._pkcs11.PKCS11Error as error:
            self._unavailable_until = self._ticks() + RETRY_AFTER
            raise KeyStorageUnavailable(
                f"the PKCS#11 token {self._label} cannot be opened in {self._path.name} ({type(error).__name__})"
            ) from None
        self._session, self._starts = session, _history.starts
        return session

    def _module(self) -> Any:
        try:
            return self._pkcs11.lib(str(self._path))
        except (self._pkcs11.PKCS11Error, OSError) as error:
            raise KeyFault(f"PKCS11_MODULE {self._path} cannot be loaded ({type(error).__name__})") from None

    def _start(self, module: Any) -> None:
        if module.initialized:
            try:
                module.finalize()
            except self._pkcs11.PKCS11Error:  # after a fork there may be nothing to finalize
                _log.debug("the module had nothing to finalize")
        module.initialize()
        _history.starts += 1
        _history.forked = False

    def _logged_in(self, module: Any, bad_pin: tuple[type[Exception], ...], *, restart: bool) -> Session:
        """Return a session, after a restart of the module if need be: the token may be new, back, or its session lost."""
        for pause in _PAUSES:
            try:
                if restart:
                    self._start(module)
                return self._log_in(module)
            except bad_pin:
                raise
            except self._pkcs11.PKCS11Error:  # or the token is being written now
                restart = True
                time.sleep(pause)
        self._start(module)
        return self._log_in(module)

    def _log_in(self, module: Any) -> Session:
        return module.get_token(token_label=self._label).open(rw=True, user_pin=self._pin.get_secret_value())


@functools.cache
def connect(module: Path, token: str, pin: SecretStr) -> Connection:
    """Return this process's connection to a PKCS#11 token: two sessions with their own log-ins would end each other."""
    return Connection(module, token, pin)
