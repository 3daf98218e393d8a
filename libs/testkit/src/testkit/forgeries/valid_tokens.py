"""Tokens that a verifier of the audience must accept, some of them at the limits of the rules."""

from collections.abc import Iterator

from testkit.status_list import FULL_SIZE
from testkit.token_signer import TokenSigner

LONGEST = 8192


def valid_tokens(signer: TokenSigner, audience: str) -> Iterator[tuple[str, str]]:
    """Yield (sentence, token); those at the limits of time are valid for 20 seconds.

    Some name an index of the issuer's first status list, in which no token may be revoked.
    """
    own = TokenSigner(signer.issuer, signer.key, signer.now, audience=audience, kid=signer.kid)
    now = int(signer.now())

    def sign(**claims: object) -> str:
        return own.sign(own.claims(**claims))

    yield "an ordinary token", own.sign()
    yield "the audience as a list of one", sign(aud=[audience])
    yield "the audience among others", sign(aud=["another-service", audience, "a-third"])
    yield "a list that names the audience twice", sign(aud=[audience, audience])
    yield "the long form of the type", own.sign(header={"typ": "application/at+jwt"})
    yield "times as fractions", sign(exp=now + 300.5, iat=now - 0.5, nbf=now - 0.25)
    yield "expired, but within the leeway", sign(exp=now - 5)
    yield "issued in the future, but within the leeway", sign(iat=now + 25)
    yield "not valid yet, but within the leeway", sign(nbf=now + 25)
    yield "a subject of 255 characters", sign(sub="s" * 255)
    yield "a subject with joiners and a no-break space", sign(sub="a\u200cb\u200dc\u00a0\u3000d")
    yield "unknown claims", sign(**{"https://example.com/extra": {"deep": [1, 2, {"er": None}]}})
    yield "an unknown header member", own.sign(header={"x-extra": "ignored"})
    yield "an actor", sign(act={"sub": "orders-service"})
    yield "the first index of a status list", sign(status=0)
    yield "the last index of a status list", sign(status=FULL_SIZE - 1)
    yield "members in another order", own.sign(dict(reversed(own.claims().items())))
    yield "as long as a token may be", _as_long_as_allowed(own)


def _as_long_as_allowed(signer: TokenSigner) -> str:
    claims = signer.claims()
    spare = LONGEST - len(signer.sign(claims | {"pad": ""}))
    padding = spare * 3 // 4 + 2
    while len(token := signer.sign(claims | {"pad": "x" * padding})) > LONGEST:
        padding -= 1
    return token
