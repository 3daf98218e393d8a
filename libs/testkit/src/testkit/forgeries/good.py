"""Tokens that every verifier of the audience must accept, some of them at the very edge of the rules."""

from collections.abc import Iterator

from testkit.mint import Mint
from testkit.statuses import FULL_SIZE

LONGEST = 8192


def good_tokens(mint: Mint, audience: str) -> Iterator[tuple[str, str]]:
    """Yield (sentence, token); the edges of time hold for the next 20 seconds.

    Some name an index of the issuer's first status list, where nothing may be revoked at that moment.
    """
    honest = Mint(mint.issuer, mint.key, mint.now, audience=audience, kid=mint.kid)
    now = int(mint.now())

    def sign(**claims: object) -> str:
        return honest.sign(honest.claims(**claims))

    yield "an ordinary token", honest.sign()
    yield "the audience as a list of one", sign(aud=[audience])
    yield "the audience among others", sign(aud=["another-service", audience, "a-third"])
    yield "a list that names the audience twice", sign(aud=[audience, audience])
    yield "the long form of the type", honest.sign(header={"typ": "application/at+jwt"})
    yield "times as fractions", sign(exp=now + 300.5, iat=now - 0.5, nbf=now - 0.25)
    yield "expired, but within the leeway", sign(exp=now - 5)
    yield "issued in the future, but within the leeway", sign(iat=now + 25)
    yield "not valid yet, but within the leeway", sign(nbf=now + 25)
    yield "a subject of 255 characters", sign(sub="s" * 255)
    yield "a subject with joiners and a no-break space", sign(sub="a\u200cb\u200dc\u00a0\u3000d")
    yield "claims that nobody knows", sign(**{"https://example.com/extra": {"deep": [1, 2, {"er": None}]}})
    yield "a header member that nobody knows", honest.sign(header={"x-extra": "ignored"})
    yield "an actor", sign(act={"sub": "orders-service"})
    yield "the first index of a status list", sign(status=0)
    yield "the last index of a status list", sign(status=FULL_SIZE - 1)
    yield "members in another order", honest.sign(dict(reversed(honest.claims().items())))
    yield "as long as a token may be", _as_long_as_allowed(honest)


def _as_long_as_allowed(mint: Mint) -> str:
    claims = mint.claims()
    room = LONGEST - len(mint.sign(claims | {"pad": ""}))
    padding = room * 3 // 4 + 2
    while len(token := mint.sign(claims | {"pad": "x" * padding})) > LONGEST:
        padding -= 1
    return token
