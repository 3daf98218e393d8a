"""What is answered, as JSON values of the form that `models` documents: our own records need no validation."""

from collections.abc import Sequence
from typing import Any

from users_service.domain.profile import Profile


def profile_view(profile: Profile) -> dict[str, Any]:
    """Return a `ProfileView`."""
    return {
        "sub": profile.sub,
        "name": profile.name,
        "shipping_address": profile.shipping_address,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
    }


def profile_page(profiles: Sequence[Profile], next_cursor: str | None) -> dict[str, Any]:
    """Return a `ProfilePage`."""
    return {"items": [profile_view(each) for each in profiles], "next_cursor": next_cursor}
