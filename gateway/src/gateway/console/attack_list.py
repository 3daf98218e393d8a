"""The attacks of the console, as data: what each does, and why it must fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.console import forged_tokens

Forge = Callable[[str, RSAPublicKey], str]


@dataclass(frozen=True, slots=True)
class Attack:
    """A token to send. `slugs` are the reasons for which it must be refused, none if it must be accepted.

    `changed` names the members of the header and the claims that differ from the session's own token. `forge` makes the
    token from that; without it the issuer signs it, and returns it under the name `signed`. One that `takes_effect_later`
    is refused within moments, not at once.
    """

    name: str
    title: str
    what: str
    why: str
    reference: str
    slugs: tuple[str, ...]
    changed: tuple[str, ...]
    forge: Forge | None = None
    signed: str = ""
    takes_effect_later: bool = False

    def unavailable(self, *, demo: bool) -> str | None:
        """Return why the token cannot be sent, None if it can."""
        if demo or self.forge:
            return None
        return "Only the issuer can sign this token, and it does so only with DEMO=1."

    def about(self, *, demo: bool) -> dict[str, object]:
        """Return what the page shows."""
        return {
            "id": self.name,
            "title": self.title,
            "what": self.what,
            "why": self.why,
            "reference": self.reference,
            "expected": self.slugs,
            "unavailable": self.unavailable(demo=demo),
        }


ATTACKS: Final = (
    Attack(
        "valid",
        "Your own token",
        "Sends the token of your session as it is, to compare the others with.",
        "Nothing is wrong with it, so each service accepts it.",
        "RFC 9068 section 4",
        slugs=(),
        changed=(),
        forge=lambda token, _key: token,
    ),
    Attack(
        "none",
        "No signature",
        "Says in the header that the token is not signed (alg: none), and leaves the signature out.",
        "The verifier decides which algorithm is right, never the token. A token without a signature is not even well-formed.",
        "RFC 8725 section 3.1",
        slugs=("malformed_token", "wrong_algorithm"),
        changed=("header.alg", "signature"),
        forge=forged_tokens.unsigned,
    ),
    Attack(
        "hs256",
        "Public key as a secret",
        "Says HS256 in the header, and signs with an HMAC whose secret is the issuer's public key, which everyone can read.",
        "A verifier that lets the token choose the algorithm would check the HMAC with the same public key, and find it right.",
        "RFC 8725 section 2.1",
        slugs=("wrong_algorithm",),
        changed=("header.alg", "signature"),
        forge=forged_tokens.signed_with_public_key,
    ),
    Attack(
        "tampered",
        "Changed claims",
        "Gives the token a year to live and the role owner, and keeps the signature.",
        "The signature was made over the old claims, so it does not fit any more.",
        "RFC 8725 section 3.3",
        slugs=("bad_signature",),
        changed=("claims.exp", "claims.roles"),
        forge=forged_tokens.tampered,
    ),
    Attack(
        "unknown-key",
        "Another key",
        "Signs the token properly, but with a key that was made a moment ago, and names that in the header.",
        "Only the keys that the issuer publishes count. The services ask the issuer once whether the key is new.",
        "RFC 8725 section 3.10",
        slugs=("unknown_key",),
        changed=("header.kid", "signature"),
        forge=forged_tokens.signed_by_another_key,
    ),
    Attack(
        "wrong-audience",
        "Another audience",
        "Sends a token that the issuer has really signed, but for a service of another company.",
        "A token that one service has received must not open another one, so each accepts only its own name in aud.",
        "RFC 8725 section 3.9",
        slugs=("wrong_audience",),
        changed=("claims.aud", "signature"),
        signed="wrong_audience",
    ),
    Attack(
        "expired",
        "Expired",
        "Sends a token that the issuer has really signed, and that expired an hour ago.",
        "Each service compares exp with its own clock, and allows for at most 30 seconds of difference.",
        "RFC 7519 section 4.1.4",
        slugs=("expired_token",),
        changed=("claims.exp", "claims.iat", "signature"),
        signed="expired",
    ),
    Attack(
        "revoked",
        "Ended session",
        "Opens another session of yours, ends it at once, and sends its token. Signature, audience and times are right.",
        "Each service has the issuer's status list, in which the bit of the ended session is set within moments.",
        "draft-ietf-oauth-status-list section 8.3",
        slugs=("revoked_token", "session_over"),
        changed=("claims.sid", "claims.status", "signature"),
        signed="revoked",
        takes_effect_later=True,
    ),
)
BY_NAME: Final[Mapping[str, Attack]] = {attack.name: attack for attack in ATTACKS}
