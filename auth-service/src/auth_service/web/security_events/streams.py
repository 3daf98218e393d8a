"""Routes for a client's streams of signals (SSF 1.0 section 8.1.1)."""

from typing import Any

from flask import jsonify
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.request_validation import validated
from touchstone.flask import require

from auth_service.domain.security_events.errors import InvalidStream
from auth_service.domain.security_events.stream import Stream, StreamConfiguration
from auth_service.web.errors import NO_STORE
from auth_service.web.security_events.access import (
    BAD,
    MANAGE,
    MANAGERS,
    READ,
    READERS,
    UNKNOWN,
    Answer,
    answer,
)
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.schemas import (
    DeliveryWish,
    NewStream,
    OneStream,
    PerhapsOneStream,
    StreamChange,
    StreamReplacement,
    StreamView,
)

ONE_OR_ALL = {
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


def add_streams(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    """Add them."""
    path: Any = "/ssf/streams"

    def shown(stream: Stream, status: int = 200) -> Answer:
        return answer(StreamView.of(stream, use_cases.issuer), status)

    @routes.post(
        path,
        operation_id="createStream",
        security=MANAGERS,
        responses={
            201: StreamView,
            409: problem_response("The client has reached its limit of streams."),
            **BAD,
        },
    )
    @require(MANAGE)
    @validated
    def create(body: NewStream) -> Answer:
        """Open a stream for the client that asks."""
        wish = _wish(body.delivery, body.events_requested, body.description)
        return shown(use_cases.streams.create(use_cases.client(), wish), 201)

    @routes.get(
        path, operation_id="readStreams", security=READERS, responses={200: ONE_OR_ALL, **BAD, **UNKNOWN}
    )
    @require(any_of=(READ, MANAGE))
    @validated
    def read(query: PerhapsOneStream) -> Answer:
        """Read one stream's configuration, or without `stream_id` a list of all that the client has."""
        if query.stream_id is not None:
            return shown(use_cases.streams.get(use_cases.client(), query.stream_id))
        found = [StreamView.of(each, use_cases.issuer) for each in use_cases.streams.list(use_cases.client())]
        return jsonify([view.model_dump(exclude_none=True) for view in found]), 200, NO_STORE

    @routes.patch(
        path, operation_id="updateStream", security=MANAGERS, responses={200: StreamView, **BAD, **UNKNOWN}
    )
    @require(MANAGE)
    @validated
    def update(body: StreamChange) -> Answer:
        """Change what is named, and leave the rest as it is."""

        def wish(stream: Stream) -> StreamConfiguration:
            _check_ours(body, stream, use_cases.issuer)
            given = body.model_fields_set
            delivery = body.delivery or DeliveryWish.model_validate(
                {"method": stream.method, "endpoint_url": stream.endpoint_url}
            )
            events = body.events_requested if "events_requested" in given else list(stream.requested)
            return _wish(delivery, events, body.description if "description" in given else stream.description)

        return shown(use_cases.streams.configure(use_cases.client(), body.stream_id, wish))

    @routes.put(
        path, operation_id="replaceStream", security=MANAGERS, responses={200: StreamView, **BAD, **UNKNOWN}
    )
    @require(MANAGE)
    @validated
    def replace(body: StreamReplacement) -> Answer:
        """Replace the whole configuration."""

        def wish(stream: Stream) -> StreamConfiguration:
            _check_ours(body, stream, use_cases.issuer)
            return _wish(body.delivery, body.events_requested, body.description)

        return shown(use_cases.streams.configure(use_cases.client(), body.stream_id, wish))

    @routes.delete(
        path,
        operation_id="deleteStream",
        security=MANAGERS,
        responses={204: {"description": "Done."}, **BAD, **UNKNOWN},
    )
    @require(MANAGE)
    @validated
    def delete(query: OneStream) -> tuple[str, int, dict[str, str]]:
        """Close a stream; what waited for it is forgotten."""
        use_cases.streams.remove(use_cases.client(), query.stream_id)
        return "", 204, NO_STORE


def _wish(delivery: DeliveryWish, events: list[str] | None, description: str | None) -> StreamConfiguration:
    return StreamConfiguration(
        method=delivery.method,
        endpoint_url=delivery.endpoint_url,
        authorization=delivery.authorization_header,
        keep_authorization="authorization_header" not in delivery.model_fields_set,
        events=None if events is None else tuple(events),
        description=description,
    )


def _check_ours(body: StreamChange, stream: Stream, issuer: str) -> None:
    """Raise InvalidStream when the receiver says something else than we do of what only we say."""
    ours = StreamView.of(stream, issuer)
    for name in ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval"):
        said = getattr(body, name)
        if said is not None and said != getattr(ours, name):
            raise InvalidStream(f"{name}: is set by the transmitter and cannot be changed")
