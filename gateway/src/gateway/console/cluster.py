"""`GET /console/cluster`: what the page needs to know before a log-in."""

from importlib.metadata import version
from typing import Any

from gateway.console.stopped_services import StoppedServices
from gateway.own_routes import json_response
from gateway.request import Request
from gateway.settings import Settings

DEMO_ACCOUNTS = ("alice@example.com", "bob@example.com", "admin@example.com")
PUBLISHED_PASSWORD = Settings.model_fields["demo_password"].default


class Cluster:
    """The handler. A demo password that the operator has chosen is not shown, only the published one."""

    def __init__(self, settings: Settings, stopped: StoppedServices) -> None:
        published = settings.demo and settings.demo_password == PUBLISHED_PASSWORD
        self._stopped = stopped
        self._about: dict[str, Any] = {
            "issuer": settings.issuer,
            "version": version("gateway"),
            "demo": settings.demo,
            "demo_accounts": [{"email": each} for each in DEMO_ACCOUNTS] if settings.demo else [],
            "demo_password": settings.demo_password.get_secret_value() if published else None,
        }

    async def __call__(self, request: Request) -> None:
        """Answer with JSON."""
        await json_response(request, 200, self._about | self._stopped.read())
