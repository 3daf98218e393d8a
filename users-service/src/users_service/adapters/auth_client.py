"""The names of accounts, fetched from auth-service with the owner's own access token."""

import threading
from collections import OrderedDict
from typing import Final

from service_kit.clock import Clock
from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.service_client import ServiceClient
from touchstone import strictjson

from users_service.domain.profile import is_name

PATH: Final = "/account/name"
PAUSE_SECONDS: Final = 3.0
MOST_PAUSED: Final = 4096
_OK: Final = 200


class AuthServiceNames:
    """The domain's ``AccountNames`` over HTTP. After a failure an account's name is asked for again 3 s later."""

    def __init__(self, auth: ServiceClient, now: Clock) -> None:
        self._auth = auth
        self._now = now
        self._paused: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def fetch(self, sub: str, token: str) -> str | None:
        """Return the name of the account ``sub``; None when it cannot be had now. Raise nothing."""
        with self._lock:
            if self._paused.get(sub, 0.0) > self._now():
                return None
        name = self._ask(sub, token)
        with self._lock:
            self._paused.pop(sub, None)
            if name is None:
                self._paused[sub] = self._now() + PAUSE_SECONDS
                while len(self._paused) > MOST_PAUSED:
                    self._paused.popitem(last=False)
        return name

    def _ask(self, sub: str, token: str) -> str | None:
        try:
            answer = self._auth.get(PATH, token=token)
            told = strictjson.loads(answer.content) if answer.status_code == _OK else None
        except (UpstreamUnavailable, ValueError):
            return None
        name = told.get("name") if isinstance(told, dict) and told.get("sub") == sub else None
        return name if is_name(name) else None
