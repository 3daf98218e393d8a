"""The parts of a Server-Timing header (W3C): durations, and what a hop has verified.

What another service says is passed on only as far as it has this form, so its text never reaches a client as it is.
"""

import re
from collections.abc import Iterable, Mapping

from touchstone import AccessClaims, base64url
from touchstone.claims import Actor
from touchstone.errors import TokenError
from touchstone.jws import read_object

MAX_PARTS = 24
MAX_LENGTH = 4096  # characters of all parts of one service
_VALUE = re.compile(r"[A-Za-z0-9._:/@-]{1,255}")
_FACTS = r"[A-Za-z0-9._:/@+= -]{1,512}"
_PART = re.compile(rf'([A-Za-z0-9_.-]{{1,128}};dur=[0-9]{{1,9}}(?:\.[0-9]{{1,3}})?(?:;desc="{_FACTS}")?)')


def part(name: str, seconds: float, facts: str = "") -> str:
    """Return one part: its duration in milliseconds, and its facts as the description."""
    described = f';desc="{facts}"' if re.fullmatch(_FACTS, facts) else ""
    return f"{name};dur={seconds * 1000:.2f}{described}"


def parts_of(service: str, header: str) -> list[str]:
    """Return the parts of a service's own header, its name before each; text of another form is dropped.

    At most 24 parts and 4,096 characters.
    """
    found: list[str] = []
    left = MAX_LENGTH
    for text in header.split(",")[:MAX_PARTS]:
        if _PART.fullmatch(named := f"{service}.{text.strip()}") and len(named) <= left:
            found.append(named)
            left -= len(named)
    return found


def facts(named: Mapping[str, Iterable[str]]) -> str:
    """Return `name=value+value` for each fact; one without values, or with a character that is not safe, is left out."""
    lists = {name: list(values) for name, values in named.items()}
    return " ".join(
        f"{name}={'+'.join(values)}"
        for name, values in lists.items()
        if values and all(map(_VALUE.fullmatch, values))
    )


def token_facts(claims: AccessClaims, token: str) -> dict[str, Iterable[str]]:
    """Return what a verified token said: `aud`, `scope`, `client_id`, `act`, its key, and whether its status was checked."""
    return {
        "aud": claims.audience,
        "scope": sorted(claims.scopes),
        "client_id": [] if claims.client_id is None else [claims.client_id],
        "act": _actors(claims.actor),
        "kid": _key_id(token),
        "status": ["none" if claims.status is None else "checked"],
    }


def _key_id(token: str) -> list[str]:
    """Return the id of the key that signed a token, none of a token that is no JWT."""
    try:
        header = read_object(base64url.decode(token.partition(".")[0].encode()))
    except TokenError:
        return []
    return [str(header.get("kid"))]


def _actors(actor: Actor | None) -> list[str]:
    return [] if actor is None else [actor.subject, *_actors(actor.actor)]
