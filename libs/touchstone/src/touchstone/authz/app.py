"""Answers the authorization requests of proxies: Envoy's HTTP ext_authz, nginx's auth_request, Caddy's forward_auth."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol

from touchstone.authz.metrics import Metrics
from touchstone.authz.rule import Rule
from touchstone.claims import AccessClaims
from touchstone.errors import TouchstoneError, Unavailable
from touchstone.following.follower import DocumentStats
from touchstone.http.bearer import bearer_token
from touchstone.http.problem import MEDIA_TYPE, problem_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_MAX_WAITING = 64  # requests that wait for the issuer
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_JSON = "application/json"


class FollowedDocuments(Protocol):
    """The part of IssuerDocuments that the app uses."""

    def stats(self) -> Sequence[DocumentStats]:
        """Return the state of each document."""


class FollowedIssuer(Protocol):
    """The part of an `Issuer` that the app uses. Its `before_wait` is `leave_event_loop`."""

    @property
    def documents(self) -> FollowedDocuments:
        """The followed documents."""

    def verify(self, token: str, *, fresh: bool = False) -> AccessClaims:
        """Return the claims of a valid token, or raise TouchstoneError."""

    def ready(self) -> bool:
        """Return whether tokens can be verified; the first call starts to follow the issuer."""

    def close(self) -> None:
        """Stop following."""


class MustWaitError(Exception):
    """The issuer has to be waited for, on a thread."""


def leave_event_loop() -> None:
    """Raise MustWaitError in the thread of a running event loop, which must not wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise MustWaitError


class Response(NamedTuple):
    """A whole response; without a body it needs no media type."""

    status: int
    body: str = ""
    media_type: str = _JSON
    headers: Iterable[tuple[str, str]] = (("Cache-Control", "no-store"),)


class ExternalAuthorization:
    """The ASGI application.

    A request for `/authorize/NAME`, or for any path below it, is answered by the rule of that name: 200 without a body,
    or the refusal that the client should get. The proxy's configuration sets the name; of the client's request only the
    Authorization headers count.
    """

    def __init__(self, issuer: FollowedIssuer, rules: Iterable[Rule]) -> None:
        self._issuer = issuer
        self._rules = {rule.name: rule for rule in rules}
        self._metrics = Metrics()
        self._waiting = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        response = await self._respond(scope)
        body = response.body.encode()
        headers = [*response.headers, ("Content-Length", str(len(body)))]
        if body:
            headers.append(("Content-Type", response.media_type))
        lines = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": response.status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: Message) -> Response:
        first, _, rest = scope["path"][1:].partition("/")
        rule = self._rules.get(rest.partition("/")[0])
        if first == "authorize" and rule is not None:
            return await self._authorize(rule, scope["headers"])
        match scope["path"]:
            case "/livez":
                return Response(200, json.dumps({"status": "alive"}))
            case "/readyz":
                return self._readiness()
            case "/metrics":
                text = self._metrics.text(self._issuer.documents.stats())
                return Response(200, text, "text/plain; version=0.0.4; charset=utf-8")
            case _:
                body = {"type": "urn:touchstone:problem:not_found", "title": "Not Found", "status": 404}
                return Response(404, json.dumps(body), MEDIA_TYPE)

    async def _authorize(self, rule: Rule, headers: Sequence[tuple[bytes, bytes]]) -> Response:
        try:
            token = bearer_token(",".join(_values(headers, b"authorization")))
            rule.check(await self._verify(token, fresh=rule.fresh))
        except TouchstoneError as error:
            self._metrics.count(rule.name, error.slug)
            given = ",".join(_values(headers, b"x-request-id"))
            problem = problem_of(error, given if _REQUEST_ID.fullmatch(given) else None)
            return Response(problem.status, problem.body, MEDIA_TYPE, problem.headers.items())
        self._metrics.count(rule.name, "allowed")
        return Response(200)

    async def _verify(self, token: str, *, fresh: bool) -> AccessClaims:
        """Verify at once, or on a thread if keys, list or a confirmation must be waited for."""
        try:
            return self._issuer.verify(token, fresh=fresh)
        except MustWaitError:
            if self._waiting >= _MAX_WAITING:
                raise Unavailable from None
        self._waiting += 1
        try:
            return await asyncio.to_thread(self._issuer.verify, token, fresh=fresh)
        finally:
            self._waiting -= 1

    def _readiness(self) -> Response:
        ready = self._issuer.ready()
        states = [asdict(each) for each in self._issuer.documents.stats()]
        documents = {state.pop("name"): state for state in states}
        body = {"status": "ready" if ready else "unready", "documents": documents}
        return Response(200 if ready else 503, json.dumps(body))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._issuer.ready()  # starts to follow the issuer
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._issuer.close()
        await send({"type": "lifespan.shutdown.complete"})


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for each, value in headers if each == name]
