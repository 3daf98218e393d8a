"""`GET /console/attacks` and `POST /console/attacks/{name}`: forged tokens, and what each process answers to them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from touchstone import AccessClaims, KeySet, strictjson

from gateway.browser_session.browser_sessions import Session
from gateway.browser_session.issuer_client import TOKEN_PATH
from gateway.console.attack_list import ATTACKS, BY_NAME, Attack
from gateway.console.forged_tokens import parts_of
from gateway.console.process_polls import ProcessPoll
from gateway.errors import Refusal
from gateway.http_client.service_calls import ServiceCalls
from gateway.own_routes import json_response
from gateway.request import Request
from gateway.routing.routes import RouteTable

SIGNED_TOKENS: Final = "/demo/tokens"  # of auth-service, only with DEMO
PATIENCE_SECONDS: Final = 3.0  # within which the end of a session must have reached each process
_PAUSE_SECONDS: Final = 0.02


class Attacks:
    """The handlers. No token leaves the gateway but to the services, and none is in an answer.

    `polls` makes the polls of all processes for a token; `signed_token` returns one that only the issuer can sign, for
    the session's token and a name in `Attack.signed`.
    """

    def __init__(  # noqa: PLR0913 - parts of the gateway, by keyword
        self,
        *,
        demo: bool,
        require: Callable[[Request], Awaitable[Session]],
        polls: Callable[[str, AccessClaims], Awaitable[list[ProcessPoll]]],
        keys: Callable[[], KeySet],
        signed_token: Callable[[str, str], Awaitable[str]],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._demo = demo
        self._require = require
        self._polls = polls
        self._keys = keys
        self._signed_token = signed_token
        self._patience = patience

    async def list_all(self, request: Request) -> None:
        """Answer with the list of attacks."""
        await json_response(request, 200, {"items": [each.about(demo=self._demo) for each in ATTACKS]})

    async def send(self, request: Request) -> None:
        """Send the token of an attack to each process, and answer with what they said. Raise Refusal."""
        session = await self._require(request)
        attack = BY_NAME.get(request.path.rpartition("/")[2])
        if attack is None:
            raise Refusal("not_found", "There is no attack of this name.")
        if reason := attack.unavailable(demo=self._demo):
            raise Refusal("not_found", reason)
        token = await self._token(attack, session.access_token)
        polls = [each for each in await self._polls(token, session.claims) if each.lane == "jwt"]
        answers = await asyncio.gather(*(self._answer(attack, poll) for poll in polls))
        header, claims, _ = parts_of(token)
        sent = {"attack": attack.name, "header": header, "claims": claims, "changed": attack.changed}
        await json_response(request, 200, {**sent, "answers": answers})

    async def _token(self, attack: Attack, token: str) -> str:
        if attack.forge is None:
            return await self._signed_token(token, attack.signed)
        key = self._keys().get(str(parts_of(token).header.get("kid")))
        if key is None:
            raise Refusal(
                "keys_unavailable", "The gateway does not have the key of your token at the moment."
            )
        return await asyncio.to_thread(attack.forge, token, key.public)

    async def _answer(self, attack: Attack, poll: ProcessPoll) -> dict[str, object]:
        """Return what a process said, once it has refused the token of an attack, or had the time to."""
        begun = time.perf_counter()
        result = await poll.poll()
        patience = self._patience if attack.takes_effect_later else 0.0
        while result.state == "accepted" and time.perf_counter() - begun < patience:
            await asyncio.sleep(_PAUSE_SECONDS)
            result = await poll.poll()
        return {
            "service": poll.service,
            "process": poll.address,
            "verdict": result.state,
            "status": result.status,
            "slug": result.slug,
            "detail": result.detail,
            "ms": round((time.perf_counter() - begun) * 1000, 1),
        }


class SignedTokens:
    """Has the issuer sign the tokens of attacks, at a path that no client reaches through the gateway."""

    def __init__(self, calls: ServiceCalls, routes: RouteTable) -> None:
        self._calls = calls
        self._service = routes.find("POST", TOKEN_PATH).upstream

    async def __call__(self, token: str, name: str) -> str:
        """Return the one of this name, for the session of `token`. Raise Refusal."""
        header = b"authorization: Bearer " + token.encode()
        response = await self._calls(self._service, "POST", SIGNED_TOKENS, [header])
        try:
            members = strictjson.loads(response.body)
        except ValueError:
            members = None
        if (
            response.status == HTTPStatus.OK
            and isinstance(members, dict)
            and isinstance(members.get(name), str)
        ):
            return str(members[name])
        raise Refusal("bad_gateway", "The issuer did not sign the token of this attack.")
