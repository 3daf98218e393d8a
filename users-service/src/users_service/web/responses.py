"""The JSON of responses, in the form that `schemas` documents. Our own records need no validation."""

from collections.abc import Sequence
from typing import Any

from service_kit.clock import utc_datetime

from users_service.domain.profile import Profile


def profile_view(profile: Profile) -> dict[str, Any]:
    """Return a `ProfileView`."""
    return {
        "sub": profile.sub,
        "name": profile.name,
        "shipping_address": profile.shipping_address,
        "created_at": utc_datetime(profile.created_at),
        "updated_at": utc_datetime(profile.updated_at),
    }


def profile_page(profiles: Sequence[Profile], next_cursor: str | None) -> dict[str, Any]:
    """Return a `ProfilePage`."""
    return {"items": [profile_view(profile) for profile in profiles], "next_cursor": next_cursor}
