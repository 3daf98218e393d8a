"""Over a thousand tokens that a verifier must refuse, each with a sentence that says why, and some that it must accept."""

from collections.abc import Iterator
from dataclasses import dataclass

from testkit.forgeries import claims, headers, json_text, serialization, signatures, status
from testkit.forgeries.valid_tokens import valid_tokens
from testkit.token_signer import TokenSigner

__all__ = ["Forgery", "forgeries", "valid_tokens"]


@dataclass(frozen=True, slots=True)
class Forgery:
    """A token that must be refused, and a sentence that says what is wrong with it."""

    name: str
    token: str

    def __str__(self) -> str:
        return self.name


def forgeries(signer: TokenSigner, *, audience: str) -> Iterator[Forgery]:
    """Yield forged and malformed tokens for a verifier of `audience` that trusts `signer`.

    Each has one fault, which its name states, and is valid otherwise. All tokens and all names are distinct. Each
    fits into an Authorization header: printable Latin-1, no space at either end, at most 12 KiB, and more than 7 KiB
    only where the size is the fault.
    """
    own = TokenSigner(signer.issuer, signer.key, signer.now, audience=audience, kid=signer.kid)
    for module in (headers, claims, status, json_text, serialization, signatures):
        for name, token in module.forge(own):
            yield Forgery(name, token)
