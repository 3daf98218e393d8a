"""Routes for receivers of signals: their streams (SSF 1.0 section 8.1), and the poll (RFC 8936)."""

import structlog
from flask import Response, jsonify, request
from flask_openapi3.models.tag import Tag
from service_kit.errors import InvalidRequest
from service_kit.web.openapi import ApiBlueprint, problem_response
from service_kit.web.problems import problem
from service_kit.web.request_validation import validated
from touchstone.flask import require

from auth_service.domain.security_events.stream import Stream
from auth_service.use_cases.security_events.poll import PolledEvents
from auth_service.use_cases.security_events.push import Outcome, security_event_token
from auth_service.web.errors import NO_STORE
from auth_service.web.long_polling import preferred_wait
from auth_service.web.security_events.access import (
    BAD,
    MANAGE,
    MANAGERS,
    READ,
    READERS,
    UNKNOWN,
    Answer,
    Turns,
    answer,
)
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.schemas import (
    MOST_POLLED,
    OneStream,
    PollAnswer,
    PollRequest,
    SsfConfiguration,
    StatusChange,
    StatusView,
    VerificationRequest,
    ssf_configuration,
)
from auth_service.web.security_events.streams import add_streams

HELD = 3  # seconds that a poll without ``Prefer: wait`` is held: the door waits for five
MAX_AGE = 300
TAGS = [Tag(name="signals", description="Shared Signals streams of security events.")]
_log = structlog.get_logger(__name__)


def blueprint(use_cases: SecurityEventUseCases) -> ApiBlueprint:
    """Return the routes over these use cases."""
    routes = ApiBlueprint("signals", __name__, abp_tags=TAGS)
    routes.register_error_handler(InvalidRequest, _bad_request)
    metadata = ssf_configuration(use_cases.issuer)

    @routes.get(
        "/.well-known/ssf-configuration", operation_id="ssfConfiguration", responses={200: SsfConfiguration}
    )
    def configuration() -> Response:
        """Say what this transmitter can do (SSF 1.0 section 7)."""
        response = jsonify(metadata)
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
        return response

    add_streams(routes, use_cases)
    _stream_states(routes, use_cases)
    _poll(routes, use_cases)
    return routes


def _stream_states(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    @routes.get(
        "/ssf/status",
        operation_id="readStreamStatus",
        security=READERS,
        responses={200: StatusView, **BAD, **UNKNOWN},
    )
    @require(any_of=(READ, MANAGE))
    @validated
    def read_status(query: OneStream) -> Answer:
        """Say whether a stream is enabled, paused or disabled."""
        return answer(_status(use_cases.streams.get(use_cases.client(), query.stream_id)))

    @routes.post(
        "/ssf/status",
        operation_id="updateStreamStatus",
        security=MANAGERS,
        responses={200: StatusView, **BAD, **UNKNOWN},
    )
    @require(MANAGE)
    @validated
    def set_status(body: StatusChange) -> Answer:
        """Enable a stream, pause it (it keeps its signals), or disable it (it keeps none)."""
        changed = use_cases.streams.set_status(use_cases.client(), body.stream_id, body.status, body.reason)
        return answer(_status(changed))

    @routes.post(
        "/ssf/verification",
        operation_id="verifyStream",
        security=MANAGERS,
        responses={
            204: {"description": "The verification event is queued."},
            429: problem_response("Wait for `min_verification_interval` before the next verification."),
            **BAD,
            **UNKNOWN,
        },
    )
    @require(MANAGE)
    @validated
    def verify(body: VerificationRequest) -> tuple[str, int, dict[str, str]]:
        """Send a verification event over the stream, with the receiver's `state`."""
        use_cases.streams.verify(use_cases.client(), body.stream_id, body.state)
        return "", 204, NO_STORE


def _poll(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    turns = Turns()

    def fetch(client_id: str, stream_id: str, body: PollRequest) -> PolledEvents:
        """Take what there is, and wait for something if there is nothing and the receiver would."""
        limit = min(body.maxEvents, MOST_POLLED)
        polled = use_cases.poll.fetch(client_id, stream_id, limit)
        if polled.signals or body.returnImmediately or not limit:
            return polled
        prefer = request.headers.get("Prefer")
        wait = HELD if prefer is None else preferred_wait(prefer)
        with turns(stream_id) as mine:
            if mine:
                use_cases.long_polls.hold(
                    wait, lambda: bool(use_cases.poll.fetch(client_id, stream_id, 1).signals)
                )
        return use_cases.poll.fetch(client_id, stream_id, limit)

    @routes.post(
        "/ssf/poll/<stream_id>",
        operation_id="pollStream",
        security=READERS,
        responses={
            200: PollAnswer,
            **BAD,
            **UNKNOWN,
            503: problem_response("No signing key is available."),
        },
    )
    @require(any_of=(READ, MANAGE))
    @validated
    def poll(path: OneStream, body: PollRequest) -> Answer:
        """Take signals away, and say which earlier ones arrived: those that nobody acknowledges come again.

        Unless `returnImmediately` an answer without any is held for 3 s, or as long as `Prefer: wait=N` says, 25 s at most.
        """
        client_id = use_cases.client()
        _settle(use_cases, client_id, path.stream_id, body)
        polled = fetch(client_id, path.stream_id, body)
        sets = {
            signal.jti: security_event_token(use_cases.signer, signal, polled.stream, use_cases.issuer)
            for signal in polled.signals
        }
        return answer(PollAnswer(sets=sets, moreAvailable=polled.more))


def _settle(use_cases: SecurityEventUseCases, client_id: str, stream_id: str, body: PollRequest) -> None:
    taken = use_cases.poll.acknowledge(client_id, stream_id, body.ack)
    refused = use_cases.poll.acknowledge(client_id, stream_id, tuple(body.setErrs)) if body.setErrs else 0
    use_cases.count(Outcome.DELIVERED, taken)
    use_cases.count(Outcome.REFUSED, refused)
    if refused:
        codes = sorted({error.err[:60] for error in body.setErrs.values()})[:5]
        _log.error("signals were refused", stream=stream_id, client=client_id, signals=refused, codes=codes)


def _status(stream: Stream) -> StatusView:
    return StatusView(stream_id=stream.stream_id, status=stream.status, reason=stream.reason)


def _bad_request(error: InvalidRequest) -> Response:
    """Answer as SSF 1.0 wants it: what is not as it should be is 400, where the rest of the house says 422."""
    return problem(400, "invalid_request", "The request is invalid", detail=str(error), extra=error.extra)
