"""The clients of the tests of pages, and ID tokens that are no valid hints."""

import base64

import jwt

from ..helpers import claims_of

PARTNER = """
[clients.partner]
name = "Partner <Shop>"
confidential = false
first_party = false
grants = ["authorization_code"]
redirect_uris = ["https://partner.example/callback"]
post_logout_redirect_uris = ["https://partner.example/bye"]
audiences = ["orders-service"]
scopes = ["openid", "orders:read"]
"""

APPS = """
[clients.app]
name = "App"
first_party = true
grants = ["authorization_code"]
redirect_uris = [
    "com.example.app://callback",
    "com.example.app://CallBack/x[1]",
    "com.example.app:/oauth?kept=a'b",
    "com.example.app:///oauth",
    "com.example.app://",
    "com.example.app:",
]
post_logout_redirect_uris = ["com.example.app://"]
audiences = ["orders-service"]
scopes = ["openid", "orders:read"]
"""


def keys(app, *words):
    result = app.test_cli_runner().invoke(args=["keys", *words])
    assert result.exit_code == 0, result.output
    return result.output


def unreadable(kind, token, app):
    """Return an unreadable ID token, made from a valid one."""
    head, payload, signature = token.split(".")
    if kind == "withdrawn":
        keys(app, "withdraw", jwt.get_unverified_header(token)["kid"])
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    foreign = jwt.encode(
        claims_of(token), "s" * 64, "HS256", jwt.get_unverified_header(token) | {"alg": "HS256"}
    )
    forms = {"withdrawn": token, "garbage": "garbage", "unsigned": f"{none}.{payload}.", "foreign": foreign}
    return forms.get(kind, f"{head}.{payload}.{signature[:-8]}AAAAAAAA")


UNREADABLE = ["withdrawn", "garbage", "unsigned", "foreign", "tampered"]
