"""What verifies tokens in a service of the house: touchstone, as the shared settings say."""

import time
from typing import Any

from touchstone import Issuer, IssuerDocuments

from service_kit.clock import Clock
from service_kit.settings import ServiceSettings
from service_kit.worker_threads import release_slot


def issuer_for(settings: ServiceSettings, audience: str, now: Clock = time.time) -> Issuer:
    """Return what verifies the issuer's tokens for one audience. Making it does no I/O."""
    return Issuer(
        settings.issuer, audience=audience, now=now, before_wait=release_slot, **_following(settings)
    )


def documents_for(settings: ServiceSettings, now: Clock = time.time) -> IssuerDocuments:
    """Return what follows the issuer's keys and status lists, for a service with verifiers of its own."""
    return IssuerDocuments(settings.issuer, now=now, **_following(settings))


def _following(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "backchannel": settings.issuer_backchannel,
        "fresh_within": float(settings.status_fresh_within),
        "stale_within": float(settings.status_stale_within),
        "alert_after": float(settings.status_alert_after),
        "snapshots": settings.snapshots_dir,
    }
