"""`POST /console/services/{name}/stop` and `…/start`: what `make run` is asked to stop, for demonstrations."""

import json
from http import HTTPStatus
from pathlib import Path

from gateway.errors import Refusal
from gateway.own_routes import json_response
from gateway.request import Request


class StoppedServices:
    """The file `{"can_stop": [...], "stopped": [...]}`, which tools/run.py makes and obeys.

    Without a `file`, which only `make run` with the demo sets, no service can be stopped. `origin` is that of the page,
    which needs no session: no log-in is possible while auth-service is stopped.
    """

    def __init__(self, file: Path | None, origin: str) -> None:
        self._file = file
        self._origin = origin.encode()

    def read(self) -> dict[str, list[str]]:
        """Return the names of the services that can be stopped, and of those that are."""
        found: dict[str, list[str]] = {"can_stop": [], "stopped": []}
        return found if self._file is None else json.loads(self._file.read_text())

    async def __call__(self, request: Request) -> None:
        """Write down the wanted state and answer 202. Raise Refusal: 403 for another page, 404 for another service."""
        headers = request.headers
        if headers.value(b"x-requested-with").strip() != b"touchstone" or headers.origin != self._origin:
            raise Refusal("origin_not_allowed", "Only the console's own page can stop and start services.")
        *_, name, verb = request.path.split("/")
        found = self.read()
        if self._file is None or name not in found["can_stop"]:
            raise Refusal("not_found", "There is no service of this name that can be stopped here.")
        stopped = set(found["stopped"]) - {name} | ({name} if verb == "stop" else set())
        found["stopped"] = sorted(stopped)
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps(found))
        written.replace(self._file)
        await json_response(request, HTTPStatus.ACCEPTED, found)
