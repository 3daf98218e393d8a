"""Routes for receivers: metadata, streams, stream status and verification (SSF 1.0 sections 7 and 8.1)."""

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from service_kit.errors import InvalidRequest
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.problems import problem

from auth_service.domain.security_events.errors import TooManyVerifications
from auth_service.domain.security_events.stream import Stream
from auth_service.web.responses import NO_STORE
from auth_service.web.security_events import poll, streams
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.errors import PROBLEMS
from auth_service.web.security_events.responses import (
    ERRORS,
    MANAGER,
    READER,
    JsonResponse,
    endpoint,
    json_response,
)
from auth_service.web.security_events.schemas import (
    SsfConfiguration,
    StatusChange,
    StatusView,
    StreamPath,
    VerificationRequest,
    ssf_configuration,
)

METADATA_MAX_AGE = 300  # seconds
TAGS = [Tag(name="signals", description="Shared Signals streams of security events.")]


def blueprint(use_cases: SecurityEventUseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("security_events", __name__, abp_tags=TAGS)
    routes.register_error_handler(InvalidRequest, _bad_request)
    metadata = ssf_configuration(use_cases.issuer)

    @routes.get(
        "/.well-known/ssf-configuration", operation_id="ssfConfiguration", responses={200: SsfConfiguration}
    )
    def configuration() -> Response:
        """Return the metadata of this transmitter (SSF 1.0 section 7)."""
        response = jsonify(metadata)
        response.headers["Cache-Control"] = f"public, max-age={METADATA_MAX_AGE}"
        return response

    streams.add_routes(routes, use_cases)
    poll.add_routes(routes, use_cases)
    _add_status_routes(routes, use_cases)
    return routes


def _add_status_routes(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    @endpoint(routes.get, "/ssf/status", "readStreamStatus", READER, {200: StatusView, **ERRORS})
    def read_status(query: StreamPath) -> JsonResponse:
        """Return whether a stream is enabled, paused or disabled."""
        return json_response(_status(use_cases.streams.get(use_cases.client(), query.stream_id)))

    @endpoint(routes.post, "/ssf/status", "updateStreamStatus", MANAGER, {200: StatusView, **ERRORS})
    def set_status(body: StatusChange) -> JsonResponse:
        """Enable a stream, pause it (events are queued), or disable it (events are dropped)."""
        changed = use_cases.streams.set_status(use_cases.client(), body.stream_id, body.status, body.reason)
        return json_response(_status(changed))

    @endpoint(
        routes.post,
        "/ssf/verification",
        "verifyStream",
        MANAGER,
        {
            204: {"description": "The verification event is queued."},
            429: problem_response(
                "Wait for `min_verification_interval` before the next verification.",
                PROBLEMS[TooManyVerifications],
            ),
            **ERRORS,
        },
    )
    def verify(body: VerificationRequest) -> tuple[str, int, dict[str, str]]:
        """Send a verification event over the stream, with the receiver's `state`."""
        use_cases.streams.verify(use_cases.client(), body.stream_id, body.state)
        return "", 204, NO_STORE


def _status(stream: Stream) -> StatusView:
    return StatusView(stream_id=stream.stream_id, status=stream.status, reason=stream.reason)


def _bad_request(error: InvalidRequest) -> Response:
    """Return a 400 response, as SSF 1.0 demands, where other routes answer 422."""
    return problem(400, "invalid_request", "The request is invalid", detail=str(error), extra=error.extra)
