"""The poll endpoint (RFC 8936)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from flask import request
from service_kit.web.openapi import ApiBlueprint, problem_response

from auth_service.domain.delivery import Outcome
from auth_service.domain.errors import NoSigningKey
from auth_service.use_cases.security_events.poll import PolledEvents
from auth_service.use_cases.security_events.push import security_event_token
from auth_service.web.errors import PROBLEMS
from auth_service.web.long_polling import preferred_wait
from auth_service.web.security_events.dependencies import SecurityEventUseCases
from auth_service.web.security_events.responses import ERRORS, READER, JsonResponse, endpoint, json_response
from auth_service.web.security_events.schemas import MAX_POLLED, PollRequest, PollResponse, StreamPath

DEFAULT_WAIT_SECONDS = 3  # without `Prefer: wait`; the gateway's time limit is five seconds
_log = structlog.get_logger(__name__)


class PollSlots:
    """The streams with a waiting poll: one poll a stream and `limit` in all, so that other long polls find a place."""

    def __init__(self, limit: int = 8) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._streams: set[str] = set()

    @contextmanager
    def __call__(self, stream_id: str) -> Iterator[bool]:
        """Yield whether a poll of this stream may wait, and keep its slot for the block."""
        with self._lock:
            free = stream_id not in self._streams and len(self._streams) < self._limit
            if free:
                self._streams.add(stream_id)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._streams.remove(stream_id)


def add_routes(routes: ApiBlueprint, use_cases: SecurityEventUseCases) -> None:
    """Add the poll endpoint."""
    slots = PollSlots()

    def fetch(client_id: str, stream_id: str, body: PollRequest) -> PolledEvents:
        """Return queued events; without any, wait for the next one if the receiver allows it."""
        limit = min(body.maxEvents, MAX_POLLED)
        polled = use_cases.poll.fetch(client_id, stream_id, limit)
        if polled.events or body.returnImmediately or not limit:
            return polled
        prefer = request.headers.get("Prefer")
        wait = DEFAULT_WAIT_SECONDS if prefer is None else preferred_wait(prefer)
        with slots(stream_id) as may_wait:
            if may_wait:
                use_cases.long_polls.hold(
                    wait, lambda: bool(use_cases.poll.fetch(client_id, stream_id, 1).events)
                )
        return use_cases.poll.fetch(client_id, stream_id, limit)

    @endpoint(
        routes.post,
        "/ssf/poll/<stream_id>",
        "pollStream",
        READER,
        {
            200: PollResponse,
            **ERRORS,
            503: problem_response("No signing key is available.", PROBLEMS[NoSigningKey]),
        },
    )
    def poll(path: StreamPath, body: PollRequest) -> JsonResponse:
        """Return queued events and acknowledge earlier ones; events that are not acknowledged are returned again.

        Without `returnImmediately` a response without events is held for 3 s, or for `Prefer: wait=N` (at most 25 s).
        """
        client_id = use_cases.client()
        _acknowledge(use_cases, client_id, path.stream_id, body)
        polled = fetch(client_id, path.stream_id, body)
        sets = {
            event.jti: security_event_token(use_cases.signer, event, polled.stream, use_cases.issuer)
            for event in polled.events
        }
        return json_response(PollResponse(sets=sets, moreAvailable=polled.more))


def _acknowledge(use_cases: SecurityEventUseCases, client_id: str, stream_id: str, body: PollRequest) -> None:
    delivered = use_cases.poll.acknowledge(client_id, stream_id, body.ack)
    refused = use_cases.poll.acknowledge(client_id, stream_id, tuple(body.setErrs)) if body.setErrs else 0
    use_cases.count(Outcome.DELIVERED, delivered)
    use_cases.count(Outcome.REFUSED, refused)
    if refused:
        codes = sorted({error.err[:60] for error in body.setErrs.values()})[:5]
        _log.error("signals were refused", stream=stream_id, client=client_id, signals=refused, codes=codes)
