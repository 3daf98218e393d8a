"""Routes for the configuration of a client's streams (SSF 1.0 section 8.1.1)."""

from flask import jsonify
from service_kit.web.openapi import ApiBlueprint, problem_response

from auth_service.domain.security_events.errors import InvalidStream, TooManyStreams
from auth_service.domain.security_events.stream import Stream, StreamConfiguration
from auth_service.web.openapi import NO_CONTENT
from auth_service.web.responses import NO_STORE
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.errors import PROBLEMS
from auth_service.web.security_events.responses import (
    ERRORS,
    INVALID,
    MANAGER,
    READER,
    JsonResponse,
    endpoint,
    json_response,
)
from auth_service.web.security_events.schemas import (
    Delivery,
    NewStream,
    StreamChange,
    StreamPath,
    StreamQuery,
    StreamReplacement,
    StreamView,
)

STREAM_OR_LIST = {
    "description": "One stream, or a list of all.",
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    {"$ref": "#/components/schemas/StreamView"},
                    {"type": "array", "items": {"$ref": "#/components/schemas/StreamView"}},
                ]
            }
        }
    },
}


def add_routes(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    """Add the routes for stream configurations."""
    path = "/ssf/streams"

    def shown(stream: Stream, status: int = 200) -> JsonResponse:
        return json_response(StreamView.of(stream, use_cases.issuer), status)

    @endpoint(
        routes.post,
        path,
        "createStream",
        MANAGER,
        {
            201: StreamView,
            409: problem_response("The client has reached its limit of streams.", PROBLEMS[TooManyStreams]),
            **INVALID,
        },
    )
    def create(body: NewStream) -> JsonResponse:
        """Create a stream for this client."""
        configuration = _configured(body.delivery, body.events_requested, body.description)
        return shown(use_cases.streams.create(use_cases.client(), configuration), 201)

    @endpoint(routes.get, path, "readStreams", READER, {200: STREAM_OR_LIST, **ERRORS})
    def read(query: StreamQuery) -> JsonResponse:
        """Return the configuration of one stream, or without `stream_id` of all streams of this client."""
        if query.stream_id is not None:
            return shown(use_cases.streams.get(use_cases.client(), query.stream_id))
        found = [StreamView.of(each, use_cases.issuer) for each in use_cases.streams.list(use_cases.client())]
        return jsonify([view.model_dump(exclude_none=True) for view in found]), 200, NO_STORE

    @endpoint(routes.patch, path, "updateStream", MANAGER, {200: StreamView, **ERRORS})
    def update(body: StreamChange) -> JsonResponse:
        """Change the given members of a configuration."""

        def configuration(stream: Stream) -> StreamConfiguration:
            _check_read_only(body, stream, use_cases.issuer)
            given = body.model_fields_set
            delivery = body.delivery or Delivery.model_validate(
                {"method": stream.method, "endpoint_url": stream.endpoint_url}
            )
            events = body.events_requested if "events_requested" in given else list(stream.requested)
            return _configured(
                delivery, events, body.description if "description" in given else stream.description
            )

        return shown(use_cases.streams.configure(use_cases.client(), body.stream_id, configuration))

    @endpoint(routes.put, path, "replaceStream", MANAGER, {200: StreamView, **ERRORS})
    def replace(body: StreamReplacement) -> JsonResponse:
        """Replace the whole configuration."""

        def configuration(stream: Stream) -> StreamConfiguration:
            _check_read_only(body, stream, use_cases.issuer)
            return _configured(body.delivery, body.events_requested, body.description)

        return shown(use_cases.streams.configure(use_cases.client(), body.stream_id, configuration))

    @endpoint(routes.delete, path, "deleteStream", MANAGER, {**NO_CONTENT, **ERRORS})
    def delete(query: StreamPath) -> tuple[str, int, dict[str, str]]:
        """Delete a stream and its queued events."""
        use_cases.streams.remove(use_cases.client(), query.stream_id)
        return "", 204, NO_STORE


def _configured(delivery: Delivery, events: list[str] | None, description: str | None) -> StreamConfiguration:
    return StreamConfiguration(
        method=delivery.method,
        endpoint_url=delivery.endpoint_url,
        authorization=delivery.authorization_header,
        keep_authorization="authorization_header" not in delivery.model_fields_set,
        events=None if events is None else tuple(events),
        description=description,
    )


def _check_read_only(body: StreamChange, stream: Stream, issuer: str) -> None:
    """Raise InvalidStream if the receiver changes a member that only the transmitter sets."""
    current = StreamView.of(stream, issuer)
    for name in ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval"):
        value = getattr(body, name)
        if value is not None and value != getattr(current, name):
            raise InvalidStream(f"{name}: is set by the transmitter and cannot be changed")
