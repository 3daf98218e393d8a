"""Several hundred tokens that no verifier may accept, each with a sentence that says why, and some that all must."""

from collections.abc import Iterator
from dataclasses import dataclass

from testkit.forgeries import bytes_, claims, headers, shapes, signatures, statuses
from testkit.forgeries.good import good_tokens
from testkit.mint import Mint

__all__ = ["Forgery", "forgeries", "good_tokens"]


@dataclass(frozen=True, slots=True)
class Forgery:
    """A token that must be refused, and the sentence that says what is wrong with it."""

    name: str
    token: str

    def __str__(self) -> str:
        return self.name


def forgeries(mint: Mint, *, audience: str) -> Iterator[Forgery]:
    """Yield forged and malformed tokens for a verifier that trusts `mint` and answers for `audience`.

    But for the one fault that its name tells, each is as good as the mint can make it. All tokens and all names are
    distinct. Each fits into an Authorization header: printable Latin-1, no space at either end, at most 12 KiB, and
    more than 7 KiB only where the size is the point.
    """
    honest = Mint(mint.issuer, mint.key, mint.now, audience=audience, kid=mint.kid)
    for room in (headers, claims, statuses, bytes_, shapes, signatures):
        for name, token in room.forge(honest):
            yield Forgery(name, token)
