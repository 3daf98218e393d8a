"""The HTTP response to each error of the domain."""

from collections.abc import Mapping
from typing import Final

from service_kit.web.problems import ProblemType

from users_service.domain.errors import InvalidProfile, ProfileNotFound, StorageUnavailable

PROBLEMS: Final[Mapping[type[Exception], ProblemType]] = {
    InvalidProfile: ProblemType(422, "invalid_profile", "The profile is invalid"),
    ProfileNotFound: ProblemType(404, "not_found", "Profile not found"),
    StorageUnavailable: ProblemType(503, "storage_unavailable", "The database is not available"),
}
