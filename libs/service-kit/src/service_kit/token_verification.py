"""Touchstone's token verification, configured by the shared settings."""

import time
from typing import Any

from touchstone import Issuer, IssuerDocuments

from service_kit.clock import Clock
from service_kit.settings import ServiceSettings
from service_kit.worker_threads import release_slot


def issuer_for(settings: ServiceSettings, audience: str, now: Clock = time.time) -> Issuer:
    """Return the issuer that verifies tokens for one audience. Does no I/O."""
    return Issuer(settings.issuer, audience=audience, now=now, before_wait=release_slot, **_options(settings))


def documents_for(settings: ServiceSettings, now: Clock = time.time) -> IssuerDocuments:
    """Return the follower of the issuer's keys and status lists, for a service with its own verifiers."""
    return IssuerDocuments(settings.issuer, now=now, **_options(settings))


def _options(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "backchannel": settings.issuer_backchannel,
        "fresh_within": float(settings.status_fresh_within),
        "stale_within": float(settings.status_stale_within),
        "alert_after": float(settings.status_alert_after),
        "snapshots": settings.snapshots_dir,
    }
