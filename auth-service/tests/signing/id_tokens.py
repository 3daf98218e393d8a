"""ID tokens, good and with header members that must be refused."""

from testkit.token_signer import MISSING, TokenSigner

EXTENSIONS = (
    {"crit": ["exp"]},
    {"b64": True},
    {"zip": "DEF"},
    {"alg": "none"},
    {"alg": "RS512"},
    {"alg": MISSING},
)


class IdTokens(TokenSigner):
    """Makes ID tokens where its base makes access tokens."""

    def header(self, **overrides):
        return super().header(**{"typ": "JWT"} | overrides)

    def claims(self, **overrides):
        return super().claims(aud="cli", **overrides)
