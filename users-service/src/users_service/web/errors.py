"""Which HTTP answer each of the domain's errors becomes."""

from collections.abc import Mapping
from typing import Final

from service_kit.web.problems import ProblemType

from users_service.domain.errors import InvalidProfile, ProfileNotFound, StorageUnavailable

PROBLEMS: Final[Mapping[type[Exception], ProblemType]] = {
    InvalidProfile: ProblemType(422, "invalid_profile", "The profile has a value that is not allowed"),
    ProfileNotFound: ProblemType(404, "not_found", "Not Found"),
    StorageUnavailable: ProblemType(503, "storage_unavailable", "The database is not available"),
}
