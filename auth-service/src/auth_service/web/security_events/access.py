"""What the routes for receivers of signals share: what they can call, whom they let in, and how they answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from service_kit.web.openapi import problem_response

from auth_service.web.errors import NO_STORE

MANAGE, READ = "ssf.manage", "ssf.read"
MANAGERS: list[dict[str, list[str]]] = [{"bearer": [MANAGE]}]
READERS: list[dict[str, list[str]]] = [{"bearer": [READ]}]
BAD: dict[Any, Any] = {
    400: problem_response("The request is invalid, or the stream does not support this operation.")
}
UNKNOWN: dict[Any, Any] = {404: problem_response("This client has no stream with this id.")}
Answer = tuple[Response, int, dict[str, str]]


class Turns:
    """Who may wait in a poll: one for each stream and ``most`` in all, so that who follows documents finds room, too."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def __call__(self, stream_id: str) -> Iterator[bool]:
        """Tell whether a poll of this stream may wait; its turn is over with the block."""
        with self._lock:
            mine = stream_id not in self._held and len(self._held) < self._most
            if mine:
                self._held.add(stream_id)
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self._held.remove(stream_id)


def answer(model: BaseModel, status: int = 200) -> Answer:
    """Answer with a model, without what is not there; it is for no cache."""
    return jsonify(model.model_dump(exclude_none=True)), status, NO_STORE
