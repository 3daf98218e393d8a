"""The client of auth-service: names of accounts, read with the owner's own access token."""

import threading
from collections import OrderedDict
from typing import Final

from service_kit.clock import Clock
from service_kit.errors import UpstreamUnavailable
from service_kit.http_client.service_client import ServiceClient
from touchstone import strictjson

from users_service.domain.profile import is_name

PATH: Final = "/account/name"
RETRY_AFTER_SECONDS: Final = 3.0
MAX_FAILURES: Final = 4096  # accounts remembered
_OK: Final = 200


class AuthServiceNames:
    """`AccountNames` over HTTP. After a failure, an account's name is requested again 3 s later at the earliest."""

    def __init__(self, auth: ServiceClient, now: Clock) -> None:
        self._auth = auth
        self._now = now
        self._retry_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sub: str, token: str) -> str | None:
        """Return the name of the account `sub`, or None if it is not available now. Raise nothing."""
        with self._lock:
            if self._retry_at.get(sub, 0.0) > self._now():
                return None
        name = self._request(sub, token)
        with self._lock:
            self._retry_at.pop(sub, None)
            if name is None:
                self._retry_at[sub] = self._now() + RETRY_AFTER_SECONDS
                while len(self._retry_at) > MAX_FAILURES:
                    self._retry_at.popitem(last=False)
        return name

    def _request(self, sub: str, token: str) -> str | None:
        try:
            response = self._auth.get(PATH, token=token)
            body = strictjson.loads(response.content) if response.status_code == _OK else None
        except (UpstreamUnavailable, ValueError):
            return None
        name = body.get("name") if isinstance(body, dict) and body.get("sub") == sub else None
        return name if is_name(name) else None
