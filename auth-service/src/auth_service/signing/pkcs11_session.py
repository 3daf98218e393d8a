"""One session with a PKCS#11 token in this process: used by one thread at a time, opened again when it is lost."""

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
RETRY_AFTER = 1.0  # seconds between two attempts to reach a token that is away
_PAUSES = (0.0, 0.05, 0.2)  # seconds between the tries to log in
_BAD_PIN = ("PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired")
_log = structlog.get_logger(__name__)
T = TypeVar("T")

# python-pkcs11 initialises a module with C_Initialize(NULL), which promises it that no two threads call at once, and
# lets go of the GIL while it calls: without this lock SoftHSM crashes. The promise holds for all of a process.
_lock = threading.RLock()


@dataclass
class _History:
    """What ended all sessions of this process at once. Their numbers are used again, and may then mean another token."""

    starts: int = 0
    forked: bool = False


_history = _History()


def _forked() -> None:
    _history.forked = True
    _lock.release()


# no call is under way while the process forks, and a child starts the module anew before its first call
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forked)


def package() -> ModuleType:
    """Give python-pkcs11, which is loaded only where keys live in a token; raises KeyFault when it is missing."""
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
    """The session with one token. Get it from ``connect``: a process logs in to a token once."""

    def __init__(self, module: Path, token: str, pin: SecretStr, ticks: Clock = time.monotonic) -> None:
        self._path, self._label, self._pin, self._ticks = module, token, pin, ticks
        self._session: Session = None
        self._starts = 0
        self._refused: str | None = None
        self._away_until = float("-inf")
        self._pkcs11 = package()

    def run(self, work: Callable[[Session], T]) -> T:
        """Do some work in the session, and once more in a new one if the first try fails; raises KeyStorageUnavailable.

        No other thread of this process does anything with any token meanwhile. KeyFault: the module, the token or
        the PIN is not as it must be.
        """
        failure = self._pkcs11.PKCS11Error
        with _lock:
            try:
                return work(self._living())
            except failure as error:
                _log.warning("the token is asked again in a new session", reason=type(error).__name__)
                self._session = None
            try:
                return work(self._opened())
            except failure as error:
                raise KeyStorageUnavailable(
                    f"the token {self._label} answers {type(error).__name__}"
                ) from None

    def restart(self) -> None:
        """Start the module anew, which tells a token that is empty from one that has gone; raises KeyStorageUnavailable."""
        with _lock:
            self._session = None
            self._opened(anew=True)

    def _living(self) -> Session:
        session = self._session
        if session is None or _history.forked or self._starts != _history.starts:
            return self._opened(anew=_history.forked)
        # a lost session says so here: in a search python-pkcs11 cannot clean up after it
        session.generate_random(64)
        return session

    def _opened(self, *, anew: bool = False) -> Session:
        if self._refused:
            raise KeyFault(self._refused)  # a token locks itself after a few wrong PINs
        if self._ticks() < self._away_until:
            raise KeyStorageUnavailable(f"the token {self._label} is away")
        module = self._module()
        bad_pin = tuple(getattr(self._pkcs11, name) for name in _BAD_PIN)
        try:
            session = self._logged_in(module, bad_pin, anew=anew)
        except bad_pin as error:
            self._refused = f"the token {self._label} refuses PKCS11_PIN ({type(error).__name__})"
            raise KeyFault(self._refused) from None
        except self._pkcs11.PKCS11Error as error:
            self._away_until = self._ticks() + RETRY_AFTER
            raise KeyStorageUnavailable(
                f"the token {self._label} cannot be opened in {self._path.name} ({type(error).__name__})"
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
            except self._pkcs11.PKCS11Error:  # after a fork there may be nothing to end
                _log.debug("the module had nothing to end")
        module.initialize()
        _history.starts += 1
        _history.forked = False

    def _logged_in(self, module: Any, bad_pin: tuple[type[Exception], ...], *, anew: bool) -> Session:
        """Try it as it is, then with the module started anew: the token may be new, or back, or its session held."""
        for pause in _PAUSES:
            try:
                if anew:
                    self._start(module)
                return self._log_in(module)
            except bad_pin:
                raise
            except self._pkcs11.PKCS11Error:  # or it is being written this very moment
                anew = True
                time.sleep(pause)
        self._start(module)
        return self._log_in(module)

    def _log_in(self, module: Any) -> Session:
        return module.get_token(token_label=self._label).open(rw=True, user_pin=self._pin.get_secret_value())


@functools.cache
def connect(module: Path, token: str, pin: SecretStr) -> Connection:
    """Give this process' connection to a token: two sessions with a log-in of their own would end each other."""
    return Connection(module, token, pin)
