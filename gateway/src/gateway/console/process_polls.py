"""One poll of a process: whether it accepts a token, refuses it, or does not answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

from service_kit.web.problems import URN
from touchstone import AccessClaims, KeySet, Policy, StatusList, TokenError, Unavailable, Verifier

from gateway.authentication import Authentication
from gateway.console.probe_routes import probe_route
from gateway.errors import Refusal
from gateway.http_client.service_calls import ServiceCalls
from gateway.routing.route import GATEWAY, Route
from gateway.routing.routes import RouteTable

POLL_SECONDS = 2.0
MAX_POLLS = 16  # of services at once, so that the other places are left to users
MAX_DETAIL = 300  # characters
Lane = Literal["jwt", "jwt_plain"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a poll: `accepted`, `refused` or `unknown`, and the slug of the problem, if there is one.

    `status` and `detail` are the answer's own; results that differ in these alone are equal.
    """

    state: Literal["accepted", "refused", "unknown"]
    slug: str | None = None
    status: int = field(default=200, compare=False)
    detail: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ProcessPoll:
    """How to poll one process in one lane; `address` is its host and port, or beyond the demo its number."""

    lane: Lane
    service: str
    address: str
    poll: Callable[[], Awaitable[Result]]


class _AllValid(StatusList):
    """A list in which each token is valid, for a verifier that does not look at the status."""

    def get(self, index: int) -> int:  # noqa: ARG002 - as in the superclass
        return 0


class ProcessPolls:
    """Makes the polls of all processes for a token: of each service's addresses, and of this gateway's verification.

    In the lane `jwt_plain` this gateway verifies signature and times alone, as programs do that do not follow the
    status lists.
    """

    def __init__(  # noqa: PLR0913 - parts of the gateway, by keyword
        self,
        *,
        issuer: str,
        own_address: str,
        demo: bool,
        routes: RouteTable,
        calls: ServiceCalls,
        authentication: Authentication,
        keys: Callable[[], KeySet],
    ) -> None:
        self._own_address = own_address if demo else _numbered(1)
        self._demo = demo
        self._places = asyncio.Semaphore(MAX_POLLS)
        self._calls = calls
        self._authentication = authentication
        found = ((name, probe_route(routes, name)) for name in routes.upstreams)
        self._routes: dict[str, Route] = {name: route for name, route in found if route is not None}
        valid = _AllValid("", 1, b"", 0.0)
        policy = Policy(issuer, routes.audiences())
        self._plain = Verifier(policy, keys, lists=lambda _uri: valid).verify

    async def of(self, token: str, claims: AccessClaims) -> list[ProcessPoll]:
        """Return the polls for a token; a service whose addresses cannot be found has none."""
        found = await asyncio.gather(*map(self._calls.addresses, self._routes))
        polls = [
            ProcessPoll(
                "jwt",
                name,
                urlsplit(url).netloc if self._demo else _numbered(number),
                self._of_service(name, url, token),
            )
            for name, urls in zip(self._routes, found, strict=True)
            for number, url in enumerate(urls, 1)
        ]
        return [
            *polls,
            ProcessPoll("jwt", GATEWAY, self._own_address, self._of_gateway(token, claims)),
            ProcessPoll("jwt_plain", GATEWAY, self._own_address, self._of_signature(token)),
        ]

    def _of_service(self, name: str, url: str, token: str) -> Callable[[], Awaitable[Result]]:
        target, header = self._routes[name].pattern, b"authorization: Bearer " + token.encode()

        async def poll() -> Result:
            try:
                async with self._places:
                    response = await self._calls(name, "GET", target, [header], seconds=POLL_SECONDS, url=url)
            except Refusal as refusal:
                return Result("unknown", refusal.slug, refusal.kind.status, str(refusal))
            return _result(response.status, *_problem(response.body))

        return poll

    def _of_gateway(self, token: str, claims: AccessClaims) -> Callable[[], Awaitable[Result]]:
        route = min(
            self._routes.values(), key=lambda each: (each.audience not in claims.audience, each.fresh)
        )

        async def poll() -> Result:
            try:
                await self._authentication.check(route, b"Bearer " + token.encode())
            except Refusal as refusal:
                return _result(refusal.kind.status, refusal.slug, str(refusal))
            return Result("accepted")

        return poll

    def _of_signature(self, token: str) -> Callable[[], Awaitable[Result]]:
        async def poll() -> Result:
            try:
                self._plain(token)
            except TokenError as error:
                return Result("refused", error.slug)
            except Unavailable as error:
                return Result("unknown", error.slug)
            return Result("accepted")

        return poll


def _numbered(number: int) -> str:
    """Return what stands for an address, which is nothing for users of a public installation."""
    return f"process {number}"


def _result(status: int, slug: str | None, detail: str) -> Result:
    """Return what a status says of the token: a missing scope (403) is no fault of it."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Result("refused", slug, status, detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Result("unknown", slug, status, detail)
    return Result("accepted", None, status, detail)


def _problem(body: bytes) -> tuple[str | None, str]:
    """Return slug and detail of a problem document (RFC 9457), as far as it is one."""
    try:
        problem = json.loads(body)
        return str(problem["type"]).removeprefix(URN), str(problem.get("detail", ""))[:MAX_DETAIL]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, ""
