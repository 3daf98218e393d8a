"""The problems of the event stream endpoints."""

from service_kit.web.problems import ProblemType

from auth_service.domain.security_events import errors

PROBLEMS: dict[type[Exception], ProblemType] = {
    errors.UnknownStream: ProblemType(404, "unknown_stream", "Stream not found"),
    errors.InvalidStream: ProblemType(
        400,
        "invalid_stream",
        "The stream configuration is invalid, or the stream does not support this operation",
    ),
    errors.TooManyStreams: ProblemType(
        409, "too_many_streams", "The client has reached its limit of streams"
    ),
    errors.TooManyVerifications: ProblemType(
        429, "too_many_verifications", "The stream was verified too recently"
    ),
}
